"""A small soak, and whether it notices what it is there for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wine.machine import Machine

from . import rounds as module
from .rounds import Rounds
from .watch import MEASURES, Failure, Watch


@pytest.fixture
def rounds(machine: Machine) -> Iterator[Rounds]:
    each = Rounds(machine, "small")
    each.begin()
    yield each
    each.end()


def test_rounds_with_faults_at_random(rounds: Rounds) -> None:
    rounds.block(30)
    assert rounds.rounds == 31
    assert rounds.outcomes > 31 * 3 * 9  # of three nodes, at each host


def test_an_outcome_that_does_not_fit_is_found(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.BY_CODE, 250, "pending")
    with pytest.raises(Failure, match="a.example: started instead of"):
        rounds.block(4)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_growth_is_found_and_a_peak_is_none(measure) -> None:
    watch = Watch()
    for n in range(20):
        watch.add({each.name: 100 for each in MEASURES} | {measure.name: 100 + measure.allowance * 10 * (n == 18)})
    assert watch.growths() == []
    for n in range(20):
        watch.add({each.name: 100 for each in MEASURES} | {measure.name: 100 + measure.allowance * n})
    [grown] = watch.growths()
    assert grown.startswith(f"{measure.name} grew from 100 to ")
