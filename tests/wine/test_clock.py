"""The clock is set while the service runs: schedules follow it. The machine's clock is libfaketime's; the
notification that it was set, which Wine does not send, is posted."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .machine import Machine, Serve, host, host_at

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
CLOCK_SET = 132
UTC = datetime.timezone.utc


class Clock:
    """Sets the machine's clock to the real time plus `offset`; its steady clock is unchanged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_text("+0")

    def set(self, shown: datetime.datetime) -> None:
        self.path.write_text(f"{shown.timestamp() - time.time():+.0f}")

    @property
    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module")
def timed(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    each = Machine(tmp_path_factory.mktemp("timed") / "prefix", clock.env)
    yield each
    each.prefix.kill()


def next_round(told: dict) -> datetime.datetime:
    return datetime.datetime.fromisoformat(told["next"].replace("Z", "+00:00"))


@pytest.mark.fault("10.1")
def test_a_schedule_follows_the_clock_wherever_it_is_set(timed: Machine, clock: Clock, serve: Serve) -> None:
    noon = datetime.datetime(2031, 6, 2, 12, tzinfo=UTC)  # a Monday
    day = datetime.timedelta(days=1)
    clock.set(noon - datetime.timedelta(hours=1))
    server = serve()
    timed.fresh({"RunAtStart": 0, "Schedule": ["0 12 * * *"]}, {"isp": host_at(server)}, start=False)
    timed.start()
    timed.wait_told(lambda told: next_round(told) == noon)
    assert server.sessions == []

    clock.set(noon + datetime.timedelta(seconds=5))  # an hour forward: what was skipped comes at once, and once
    timed.control(CLOCK_SET)
    told = timed.wait_dequeues(1)
    assert host(told, "isp")["trigger"] == "schedule"
    timed.wait_told(lambda told: next_round(told) == noon + day)

    clock.set(noon - 10 * 365 * day - datetime.timedelta(hours=1))  # ten years back: the next noon there, nothing now
    timed.control(CLOCK_SET)
    told = timed.wait_told(lambda told: next_round(told) < noon)
    assert next_round(told) == noon - 10 * 365 * day
    assert len(server.etrns()) == 1

    clock.set(noon + 10 * 365 * day + datetime.timedelta(hours=3))  # twenty years forward: once, not 7,300 times
    timed.control(CLOCK_SET)
    timed.wait_dequeues(2)
    timed.wait_told(lambda told: next_round(told) == noon + (10 * 365 + 1) * day)
    assert len(server.etrns()) == 2


@pytest.mark.parametrize("set_before", [True, False], ids=["before", "while it waits"])
def test_run_ends_with_the_dequeue_that_it_requested_when_the_clock_is_set_back(
        timed: Machine, clock: Clock, serve: Serve, set_before: bool) -> None:
    now = datetime.datetime(2031, 6, 2, 10, tzinfo=UTC)
    clock.set(now)
    server = serve()
    timed.fresh({"MinimumGapSeconds": 5}, {"isp": host_at(server)})
    timed.wait_dequeues(1)
    if set_before:
        clock.set(now - datetime.timedelta(hours=1))
    run = timed.ctl_popen("run", "isp")
    if not set_before:
        timed.wait_told(lambda told: host(told, "isp")["next_trigger"] == "request")  # the gap holds it back
        clock.set(now - datetime.timedelta(hours=1))
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 0, out
    assert len(server.etrns()) == 2, "what it has shown is the outcome of an earlier dequeue"
