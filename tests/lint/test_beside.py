"""The command beside the tests: its failure is theirs, it is shown, and their count is the last line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CONFTEST = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import beside
def pytest_addoption(parser):
    parser.addoption("--beside")
def pytest_configure(config):
    beside.start(config)
"""


def run(folder: Path, test: str, command: str, *words: str) -> tuple[int, list[str]]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(f"def test_it(): assert {test}\ndef test_other(): pass\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--beside", command, *words], cwd=folder,
                          capture_output=True, text=True, timeout=60,
                          env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")})
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=" ".join)
@pytest.mark.parametrize("test, command, code, count, shown", [
    ("True", "sleep 1; touch ended", 0, "2 passed", "passed"),
    ("True", "sleep 1; touch ended; echo why; exit 3", 1, "2 passed", "FAILED, exit code 3"),
    ("False", "sleep 1; touch ended", 1, "1 failed, 1 passed", "passed"),
    ("False", "sleep 1; touch ended; exit 3", 1, "1 failed, 1 passed", "FAILED, exit code 3"),
])
def test_command(tmp_path: Path, words: tuple[str, ...], test: str, command: str, code: int, count: str, shown: str) -> None:
    found, lines = run(tmp_path, test, command, *words)
    assert found == code
    assert f" {count} in " in lines[-1]
    assert any(line.strip("= ") == f"{command}: {shown}" for line in lines)
    assert ("why" in lines) == ("echo why" in command)
    assert (tmp_path / "ended").exists()
