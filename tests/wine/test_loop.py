"""The event loop."""

from __future__ import annotations

from .machine import Machine, helper


def test_a_loop_that_has_ended_takes_what_threads_still_post(machine: Machine) -> None:
    said = machine.run(str(helper("late_post"))).out.splitlines()
    assert said == ["a loop ended: 0", "a loop ended: 0", "the late post: 0, strays: 0"]
