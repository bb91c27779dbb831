"""Work that leaves nothing behind, whatever it started and whenever it is interrupted.

The work is done by a child process. All that it starts, daemons too, stays below this process (PR_SET_CHILD_SUBREAPER),
which ends it to the last when the work is done, or on Ctrl+C, SIGTERM or SIGHUP.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from .wine import forget_server, remove_unfinished_template

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


def run_tidily(make_directories: Callable[[], Sequence[Path]], work: Callable[..., int]) -> int:
    """Calls work(*directories) in a child and returns its exit code, or 128 and the number of the signal that ended it.
    The directories, Wine prefixes among their entries, are removed afterwards."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    directories = make_directories()
    try:
        return _wait_for(_begin(lambda: work(*directories)))
    finally:
        _end_descendants()
        remove_unfinished_template()
        for directory in directories:
            for prefix in directory.iterdir():
                forget_server(prefix)
            shutil.rmtree(directory, ignore_errors=True)


def _begin(work: Callable[[], int]) -> int:
    """Starts work in a child and returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()  # Ctrl+C is for the parent
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait_for(child: int) -> int:
    while True:
        received = signal.sigwait(SIGNALS)
        if received != signal.SIGCHLD:
            print(f"\nstopped by {signal.Signals(received).name}: everything that was started has been stopped and removed")
            return 128 + received
        while pid_and_status := _reap():  # others than the child are orphans that became ours
            if pid_and_status[0] == child:
                code = os.waitstatus_to_exitcode(pid_and_status[1])
                return code if code >= 0 else 128 - code


def _reap() -> tuple[int, int] | None:
    with contextlib.suppress(ChildProcessError):
        pid, status = os.waitpid(-1, os.WNOHANG)
        return (pid, status) if pid else None
    return None


def _end_descendants() -> None:
    """Kills what runs below this process, whatever it starts meanwhile, and returns when all are gone."""
    while family := _descendants():
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while _reap():
            pass
        time.sleep(0.01)


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):  # a process that has just ended
            if entry.name.isdigit():
                status = Path(entry.path, "stat").read_text(errors="replace")
                parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family - {os.getpid()}
