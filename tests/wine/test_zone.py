"""Local time as the service reckons it, from rules that it remembers, against what Windows itself makes of an instant."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .machine import Machine

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["service/win/localtime.c", "service/core/zone.c", "service/core/calendar.c", "service/core/text.c"]

# Compares every third hour of two years, and prints how often both agreed, or the first that differs; and how long the
# service's way takes for one instant.
PROGRAM = r"""
#include "localtime.h"
#include "win.h"
#include <stdio.h>
#include <stdlib.h>
static int64_t windows(int64_t utc_ms)
{
    FILETIME f, g;
    SYSTEMTIME utc, local;
    TIME_ZONE_INFORMATION zone;
    uint64_t ticks = (uint64_t)(utc_ms + 11644473600000) * 10000;
    f.dwLowDateTime = (DWORD)ticks, f.dwHighDateTime = (DWORD)(ticks >> 32);
    FileTimeToSystemTime(&f, &utc);
    GetTimeZoneInformationForYear(utc.wYear, NULL, &zone);
    SystemTimeToTzSpecificLocalTime(&zone, &utc, &local);
    SystemTimeToFileTime(&local, &g);
    return (int64_t)((uint64_t)g.dwHighDateTime << 32 | g.dwLowDateTime) / 10000 - (int64_t)(ticks / 10000);
}
static int64_t now_us(void)
{
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count), QueryPerformanceFrequency(&per_second);
    return count.QuadPart * 1000000 / per_second.QuadPart;
}
int main(void)
{
    long agreed = 0, offsets[2] = {0};
    for (int64_t at = 1704067200000; at < 1704067200000 + 2 * 366 * INT64_C(86400000); at += 10800000, agreed++)
        if (local_zone.offset_ms(NULL, at) != windows(at)) {
            printf("differs at %lld: %lld, not %lld\n", at, local_zone.offset_ms(NULL, at), windows(at));
            return 1;
        }
    for (int i = 0; i < 2; i++)
        offsets[i] = (long)local_zone.offset_ms(NULL, i ? 1720000000000 : 1705000000000) / 60000;
    int64_t began = now_us();
    for (int i = 0; i < 1000000; i++)
        local_zone.offset_ms(NULL, 1705000000000 + i * INT64_C(1000000));
    printf("agreed %ld, %ld and %ld, %lld ns, changed %d %d\n", agreed, offsets[0], offsets[1], (now_us() - began) / 1000,
           local_zone_follow(), local_zone_follow());
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zone") / "zone.exe"
    path.with_suffix(".c").write_text(PROGRAM)
    flags = ["-D__USE_MINGW_ANSI_STDIO=1", "-DUNICODE", "-D_UNICODE", "-D_WIN32_WINNT=0x0602", "-O2"]
    subprocess.run(["x86_64-w64-mingw32-gcc", *flags, f"-I{ROOT}/service/win", "-o", path, path.with_suffix(".c"),
                    *(ROOT / source for source in SOURCES)], check=True)
    return path


@pytest.mark.parametrize("zone, winter, summer", [("Europe/Berlin", 60, 120), ("America/New_York", -300, -240),
                                                  ("Pacific/Auckland", 780, 720), ("Asia/Kathmandu", 345, 345)])
def test_local_time_is_what_windows_makes_of_it(machine: Machine, program: Path, zone: str, winter: int,
                                                summer: int) -> None:
    done = machine.prefix.run([str(program)], timeout=60, env={"TZ": zone})
    found = re.fullmatch(r"agreed (\d+), (-?\d+) and (-?\d+), (\d+) ns, changed 0 0\n", done.stdout)
    assert found, done.stdout + done.stderr
    agreed, first, second, ns = map(int, found.groups())
    assert agreed == 2 * 366 * 8
    assert (first, second) == (winter, summer)
    assert ns < 1000  # to ask Windows takes 100,000 here
