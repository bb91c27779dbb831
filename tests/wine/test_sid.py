"""The service's SID, which decides who reads the secrets."""

from __future__ import annotations

from .machine import Machine, helper

TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"  # the same on every Windows


def test_a_services_sid_is_windows_own(machine: Machine) -> None:
    said = machine.run(str(helper("sid")), "TrustedInstaller", "trustedinstaller", "EtrnSvc").out.splitlines()
    assert said[:2] == [TRUSTED_INSTALLER, TRUSTED_INSTALLER]
    assert said[3] == f"D:P(A;CI;GA;;;SY)(A;CI;GA;;;BA)(A;CI;KR;;;{said[2]})"
