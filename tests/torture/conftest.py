"""The machine of the torture tests: one per file, so that files can be distributed over workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .machine import TortureMachine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TortureMachine]:
    each = TortureMachine(tmp_path_factory.mktemp("torture") / "prefix")
    yield each
    each.prefix.kill()
