"""Local time as the service computes it from cached rules, compared with Windows' own conversion."""

from __future__ import annotations

import re

import pytest

from .machine import Machine, helper


@pytest.mark.parametrize("zone, winter, summer", [("Europe/Berlin", 60, 120), ("America/New_York", -300, -240),
                                                  ("Pacific/Auckland", 780, 720), ("Asia/Kathmandu", 345, 345)])
def test_local_time_is_what_windows_makes_of_it(machine: Machine, zone: str, winter: int,
                                                summer: int) -> None:
    done = machine.prefix.run([helper("zone")], timeout=60, env={"TZ": zone})
    found = re.fullmatch(r"agreed (\d+), (-?\d+) and (-?\d+), (\d+) ns, changed 0 0\n", done.stdout)
    assert found, done.stdout + done.stderr
    agreed, first, second, ns = map(int, found.groups())
    assert agreed == 2 * 366 * 8
    assert (first, second) == (winter, summer)
    assert ns < 1000  # to ask Windows takes 100,000 here
