#!/usr/bin/python3
"""The main job, live, on one machine: mail that waits at another host comes when one registry value is set.

    demo.py MSI         run by `make demo`; as root, since Postfix runs only when root starts it

A Postfix of one's own is the host that holds the mail, a Wine prefix is the Windows machine, and Postfix's smtp-sink is
its mail server. Whatever happens, Ctrl+C at any moment included, nothing is left running and nothing is left on disk.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from lab.postfix import Postfix, SmtpSink
from lab.scripted import free_port
from lab.wine import WinePrefix, windows_path

DOMAIN = "customer.example"
RECIPIENT = f"user@{DOMAIN}"
PATIENCE = 30.0  # seconds that the message may take
BUILD = Path(__file__).resolve().parents[1] / "build"
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Failed(Exception):
    """The demonstration came to nothing; the text says why."""


# What is shown


def step(number: int, text: str) -> None:
    print()
    print(textwrap.fill(text, 100, initial_indent=f"{number}. ", subsequent_indent="   "), flush=True)


def show(text: str) -> None:
    """Output of programs, as it was."""
    for line in text.rstrip().splitlines():
        print(f"     {line}".rstrip(), flush=True)


def show_log(postfix: Postfix, *patterns: str) -> None:
    """Those lines of Postfix's log that match."""
    show("\n".join(line for line in postfix.log().splitlines() if any(re.search(pattern, line) for pattern in patterns)))


# What is done


class Windows:
    """The Windows machine, driven as an administrator does: each command is shown with what it says."""

    def __init__(self, prefix: WinePrefix) -> None:
        self.prefix = prefix

    def run(self, words: list[str | Path], shown: str, timeout: float = 30.0) -> None:
        show(f"> {shown}")
        result = self.prefix.run(words, timeout)
        show(result.stdout + result.stderr)
        if result.returncode != 0:
            raise Failed(f"{shown}: exit code {result.returncode}")

    def install(self, msi: Path, properties: list[str]) -> None:
        words = ["msiexec", "/i", windows_path(msi), "/qn", *properties]
        self.run(words, " ".join(["msiexec", "/i", msi.name, "/qn", *properties]), timeout=120)

    def etrnctl(self, *words: str) -> None:
        tools = list((self.prefix.drive_c / "Program Files").glob("*/etrnctl.exe"))
        if not tools:
            raise Failed("the MSI was installed without an error, but etrnctl.exe is not under C:\\Program Files")
        self.run([tools[0], *words], " ".join(["etrnctl", *words]))


def hold_message(postfix: Postfix) -> None:
    postfix.start()
    postfix.enqueue(RECIPIENT)
    postfix.wait_deferred(DOMAIN)
    show_log(postfix, "daemon started", "status=deferred")


def deliver(windows: Windows, sink: SmtpSink) -> tuple[float, float]:
    """Returns the seconds until the message was there, and until etrnctl had returned."""
    began = time.monotonic()
    windows.etrnctl("enable")
    returned = time.monotonic()
    try:
        sink.wait_for(1, PATIENCE)
    except TimeoutError:
        windows.etrnctl("status")
        raise Failed(f"no message came within {PATIENCE:.0f} s") from None
    return time.monotonic() - began, returned - began


def demonstrate(msi: Path, wine_directory: Path, postfix_directory: Path) -> None:
    sink = SmtpSink()
    holder = Postfix([DOMAIN], sink.port, directory=postfix_directory, port=free_port())
    print("A host on the Internet holds mail for this site. One registry value on the site's Windows machine\n"
          "makes EtrnSvc ask for it (SMTP ETRN, RFC 1985), and the mail comes.")

    step(1, f"The host: Postfix on 127.0.0.1:{holder.port}, which relays for {DOMAIN}. It is given one message for "
            f"{RECIPIENT} while the site's mail server (127.0.0.1:{sink.port}) is down, and so holds it. Its log:")
    hold_message(holder)

    step(2, "The site's Windows machine: a Wine prefix, freshly made"
            + ("" if (BUILD / "wine-template").exists() else " (the first one takes some 10 s)")
            + ". The MSI is installed silently, with the host and the domain, and switched off:")
    with WinePrefix(wine_directory / "prefix") as prefix:
        windows = Windows(prefix)
        windows.install(msi, ["ENABLE=0", f"ETRNHOST=127.0.0.1:{holder.port}", f"ETRNDOMAINS={DOMAIN}"])
        windows.etrnctl("status")

        step(3, f"The site's mail server comes up on port {sink.port}: smtp-sink, which takes every message. EtrnSvc "
                "is told that port, as it asks only when something listens there to take the mail:")
        with sink, holder:
            windows.etrnctl("config", "set", "LocalPort", str(sink.port))
            if holder.queue_count() != 1 or sink.count() != 0:
                raise Failed("the message did not stay where it was")
            print("   The host still holds 1 message; the site has 0.")

            step(4, "Now the one value, AlwaysUseETRN, is set to 1:")
            delivered, returned = deliver(windows, sink)

            step(5, "What the host says: a session with one ETRN, the queue for the domain released, the message sent:")
            holder.wait_for_log("status=sent")
            holder.wait_for_log("etrn=1")
            show_log(holder, "flush_send_service", "status=sent", "etrn=1")
            print(f"   The host now holds {holder.queue_count()} messages; the site has {sink.count()}.")

            step(6, "What the service says:")
            windows.etrnctl("status")
    print(f"\nMeasured from just before `etrnctl enable` was started until the site had the whole message; starting and\n"
          f"ending etrnctl under Wine took {returned * 1000:.0f} ms, side by side with the delivery.")
    print(f"delivered: 1 message, {delivered * 1000:.0f} ms after enable", flush=True)


# Leaving nothing behind: the work is done by a child, whose every descendant stays ours to end


def descendants() -> list[int]:
    """The processes below this one."""
    parents: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                status = Path(entry.path, "stat").read_text(errors="replace")
            except OSError:  # it has just ended
                continue
            state, parent = status.rpartition(")")[2].split()[:2]
            parents[int(entry.name)] = int(parent)
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sorted(family - {os.getpid()})


def end_descendants() -> None:
    """Kills what runs below this process, whatever it starts meanwhile, and returns when all are gone."""
    while family := descendants():
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.01)


def remove(directory: Path) -> None:
    """The directory, and what a Wine server of a prefix in it keeps elsewhere."""
    for prefix in directory.glob("prefix"):
        status = prefix.stat()
        server = Path(f"/tmp/.wine-{os.getuid()}/server-{status.st_dev:x}-{status.st_ino:x}")
        shutil.rmtree(server, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


def begin_work(work: Callable[[], None], signals: set[signal.Signals]) -> int:
    """Starts work in a child and returns its process id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()  # Ctrl+C is for the parent
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    code = 1
    try:
        work()
        code = 0
    except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"\nnot delivered: {error}", flush=True)
    finally:
        os._exit(code)


def wait_for_work(child: int, signals: set[signal.Signals]) -> int:
    """Returns the child's exit code, or 128 and the number of the signal that came first."""
    while True:
        received = signal.sigwait(signals)
        if received != signal.SIGCHLD:
            print(f"\nended by {signal.Signals(received).name}: all that was started is ended and removed", flush=True)
            return 128 + received
        while True:  # others are orphans that became ours
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return max(os.waitstatus_to_exitcode(status), 0) if os.WIFEXITED(status) else 1
            if pid == 0:
                break


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: demo.py MSI", file=sys.stderr)
        return 2
    msi = Path(sys.argv[1])
    if not msi.is_file():
        print(f"not delivered: there is no {msi}; `make demo` builds it")
        return 1
    if os.geteuid() != 0:
        print("not delivered: Postfix runs only when root starts it: sudo make demo")
        return 1
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    BUILD.mkdir(exist_ok=True)
    wine_directory = Path(tempfile.mkdtemp(prefix="demo-", dir=BUILD))
    postfix_directory = Path(tempfile.mkdtemp(prefix="etrnsvc-demo-"))
    postfix_directory.chmod(0o755)
    try:
        return wait_for_work(begin_work(lambda: demonstrate(msi, wine_directory, postfix_directory), signals), signals)
    finally:
        end_descendants()
        remove(wine_directory)
        remove(postfix_directory)


if __name__ == "__main__":
    sys.exit(main())
