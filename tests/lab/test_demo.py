"""`make demo`, the first command of the README: what it prints, its last line, and that nothing of it stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wine.machine import BUILD, ROOT

DEMO = ROOT / "tests" / "demo.py"
LAST = re.compile(r"delivered: 1 message, (\d+) ms after enable")
PATIENCE = 300  # seconds, on a machine with much else to do
HEADINGS = [
    "1. The host: Postfix on 127.0.0.1:", "2. The site's Windows computer: a new Wine prefix",
    "3. The site's mail server starts on port", "4. The one value, AlwaysUseETRN, is set to 1:", "5. The host's log",
    "6. What the service reports:",
]


class Demo:
    """The demo at work, with a folder of its own for what it makes in /tmp."""

    def __init__(self, folder: Path) -> None:
        [self._msi] = BUILD.glob("etrnsvc-*-x64.msi")
        self.folder = folder
        self._before = set(BUILD.glob("demo-*"))
        self._mark = f"DEMO_OF={os.getpid()}-{time.monotonic_ns()}"
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen([sys.executable, DEMO, self._msi], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True,
                                        env=os.environ | {"TMPDIR": str(folder), name: value})

    def read_until(self, words: str) -> None:
        assert self.process.stdout
        while words not in (line := self.process.stdout.readline()):
            assert line, f"it ended without {words!r}"

    def running(self) -> list[str]:
        """The command lines of what it started and what still runs."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # it has just ended
                continue
        return found

    def left(self) -> list[str]:
        """What it leaves behind: processes, and files."""
        return [*self.running(), *map(str, self.folder.iterdir()), *map(str, set(BUILD.glob("demo-*")) - self._before)]


@pytest.fixture
def demo() -> Iterator[Demo]:
    if os.geteuid() != 0:
        pytest.skip("Postfix runs only when root starts it")
    with tempfile.TemporaryDirectory(prefix="lab-demo-") as name:
        Path(name).chmod(0o755)  # Postfix's user goes in there
        each = Demo(Path(name))
        yield each
        if each.process.poll() is None:
            each.process.terminate()
            each.process.wait(PATIENCE)


def test_it_delivers_and_leaves_nothing(demo: Demo) -> None:
    output, _ = demo.process.communicate(timeout=PATIENCE)
    lines = output.splitlines()
    assert demo.process.returncode == 0, output
    assert LAST.fullmatch(lines[-1]), output
    assert [next((line[:len(words)] for line in lines if line.startswith(words)), None) for words in HEADINGS] == HEADINGS
    text = " ".join(output.split())
    for words in ("status=deferred", "The host still holds 1 message; the site has 0.", "> etrnctl enable",
                  "EtrnSvc: AlwaysUseETRN was 0, is now 1.", "status=sent", "etrn=1",
                  "The host now holds 0 messages; the site has 1."):
        assert words in text, output
    assert demo.left() == []


@pytest.mark.parametrize("at, number", [(HEADINGS[0], signal.SIGINT), (HEADINGS[1], signal.SIGTERM),
                                        (HEADINGS[3], signal.SIGINT), (HEADINGS[3], signal.SIGTERM)])
def test_interrupted_it_leaves_nothing(demo: Demo, at: str, number: signal.Signals) -> None:
    demo.read_until(at)
    assert demo.running()
    demo.process.send_signal(number)
    output, _ = demo.process.communicate(timeout=PATIENCE)
    assert demo.process.returncode == 128 + number
    assert output.splitlines()[-1] == f"stopped by {number.name}: everything that was started has been stopped and removed"
    assert demo.left() == []


def test_without_its_package_it_says_so() -> None:
    done = subprocess.run([sys.executable, DEMO, "no-such.msi"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "not delivered: there is no no-such.msi; `make demo` builds it\n")
