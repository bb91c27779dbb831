"""The service's SID, which decides who reads the secrets."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .machine import Machine

SOURCES = Path(__file__).resolve().parents[2] / "service" / "win"
PROBE = r"""
#include "sid.h"
#include <sddl.h>
#include <stdio.h>
int wmain(int count, wchar_t **words)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t *text;
    for (int i = 1; i < count; i++)
        if (service_sid(words[i], sid))
            printf("%ls\n", sid);
    PSECURITY_DESCRIPTOR only = service_only(L"EtrnSvc", KEY_READ);
    if (ConvertSecurityDescriptorToStringSecurityDescriptorW(only, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL))
        printf("%ls\n", text);
    return 0;
}
"""
TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"  # the same on every Windows


def test_a_services_sid_is_windows_own(machine: Machine, tmp_path: Path) -> None:
    source, program = tmp_path / "probe.c", tmp_path / "probe.exe"
    source.write_text(PROBE)
    subprocess.run(
        ["x86_64-w64-mingw32-gcc", "-municode", "-static", "-DUNICODE", "-D_WIN32_WINNT=0x0602",
         "-D__USE_MINGW_ANSI_STDIO=1", f"-I{SOURCES}", "-o", program, source, SOURCES / "sid.c", SOURCES / "digest.c",
         "-ladvapi32", "-lbcrypt"],
        check=True)
    said = machine.run(str(program), "TrustedInstaller", "trustedinstaller", "EtrnSvc").out.splitlines()
    assert said[:2] == [TRUSTED_INSTALLER, TRUSTED_INSTALLER]
    assert said[3] == f"D:P(A;CI;GA;;;SY)(A;CI;GA;;;BA)(A;CI;KR;;;{said[2]})"
