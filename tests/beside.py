"""A command that runs beside the tests and must succeed as they must: lint, which takes the processors when tests wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile

import pytest


def start(config: pytest.Config) -> None:
    """Starts the command of --beside, once for all workers."""
    if (command := config.getoption("--beside")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Beside(command), "beside")


class Beside:
    """A plugin of pytest: waits for the command when the tests are over, and shows what it printed above their count."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._output = tempfile.TemporaryFile()
        self._process = subprocess.Popen(["nice", "-n", "19", "sh", "-c", command], stdin=subprocess.DEVNULL,
                                         stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            self._end()
        elif self._process.wait() != 0 and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        code = self._process.wait()
        terminalreporter.section(f"{self._command}: {f'FAILED, exit code {code}' if code else 'passed'}", red=code != 0)
        self._output.seek(0)
        if code != 0:
            terminalreporter.write(self._output.read().decode(errors="replace"))

    def pytest_unconfigure(self) -> None:
        self._end()

    def _end(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()
