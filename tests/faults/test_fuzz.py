"""14. Fuzz: runs every stored input once, with sanitizers. `make fuzz` searches for more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from wine.machine import BUILD

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
CLAUSES = {"reply": "14.1", "session": "14.3", "cron": "14.4", "settings": "14.5", "regfile": "14.6", "base64": "14.7"}


def clause(path: Path) -> str:
    """EHLO is part of a session; its inputs have its name."""
    return "14.2" if path.parent.name in ("reply", "session") and "ehlo" in path.name else CLAUSES[path.parent.name]


INPUTS = [path for target in CLAUSES for path in sorted(CORPUS.joinpath(target).glob("*"))]


@pytest.fixture(scope="session")
def replays() -> None:
    subprocess.run(["make", "-s", "-C", ROOT, "fuzz-replay"], check=True, stdout=subprocess.DEVNULL, timeout=300)


def inputs() -> list[Any]:
    return [pytest.param(path, id=f"{path.parent.name}-{path.name}", marks=pytest.mark.fault(clause(path))) for path in INPUTS]


@pytest.mark.parametrize("path", inputs())
def test_input(replays: None, path: Path) -> None:
    result = subprocess.run([BUILD / "fuzz" / f"replay-{path.parent.name}", path], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=60, check=False)
    assert result.returncode == 0, result.stdout.decode(errors="replace")
