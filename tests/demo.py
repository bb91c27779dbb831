#!/usr/bin/python3
"""The main job, live, on one machine: mail that waits at another host comes when one registry value is set.

    demo.py MSI         run by `make demo`; as root, since Postfix runs only when root starts it

A Postfix of one's own is the host that holds the mail, a Wine prefix is the Windows machine, and Postfix's smtp-sink is
its mail server. Whatever happens, Ctrl+C at any moment included, nothing is left running and nothing is left on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from lab.postfix import Postfix, SmtpSink
from lab.scripted import free_port
from lab.tidy import run_tidily
from lab.wine import WinePrefix, windows_path

DOMAIN = "customer.example"
RECIPIENT = f"user@{DOMAIN}"
PATIENCE = 30.0  # seconds that the message may take
BUILD = Path(__file__).resolve().parents[1] / "build"


class Failed(Exception):
    """The demonstration came to nothing; the text says why."""


# What is shown


def step(number: int, text: str) -> None:
    print()
    print(textwrap.fill(text, 100, initial_indent=f"{number}. ", subsequent_indent="   "))


def show(text: str) -> None:
    """Output of programs, as it was."""
    for line in text.rstrip().splitlines():
        print(f"     {line}".rstrip())


def show_log(postfix: Postfix, *patterns: str) -> None:
    """Those lines of Postfix's log that match."""
    show("\n".join(line for line in postfix.log().splitlines() if any(re.search(pattern, line) for pattern in patterns)))


# What is done


class Windows:
    """The Windows machine, driven as an administrator does: each command is shown with what it says."""

    def __init__(self, prefix: WinePrefix) -> None:
        self.prefix = prefix
        self.tool = Path()

    def run(self, words: list[str | Path], shown: str, timeout: float = 30.0) -> None:
        show(f"> {shown}")
        result = self.prefix.run(words, timeout)
        show(result.stdout + result.stderr)
        if result.returncode != 0:
            raise Failed(f"{shown}: exit code {result.returncode}")

    def install(self, msi: Path, properties: list[str]) -> None:
        words = ["msiexec", "/i", windows_path(msi), "/qn", *properties]
        self.run(words, " ".join(["msiexec", "/i", msi.name, "/qn", *properties]), timeout=120)
        tools = list((self.prefix.drive_c / "Program Files").glob("*/etrnctl.exe"))
        if not tools:
            raise Failed("the MSI was installed without an error, but etrnctl.exe is not under C:\\Program Files")
        self.tool = tools[0]

    def etrnctl(self, *words: str) -> None:
        self.run([self.tool, *words], " ".join(["etrnctl", *words]))

    def wait_for_outcome(self) -> None:
        """Returns when the service has told what became of the domain: a tenth of a second after it knows it."""
        path = self.prefix.program_data / "EtrnSvc" / "status.json"
        deadline = time.monotonic() + 5
        while not any(node["at"] for host in json.loads(path.read_text())["hosts"] for node in host["nodes"]):
            if time.monotonic() > deadline:
                raise Failed(f"the service tells of no outcome in {path.name}")
            time.sleep(0.02)


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


def demonstrate(msi: Path, wine_directory: Path, postfix_directory: Path, running: contextlib.ExitStack) -> None:
    sink = SmtpSink()
    holder = Postfix([DOMAIN], sink.port, directory=postfix_directory, port=free_port())
    print("A host on the Internet holds mail for this site, because the site's mail server was down. One registry\n"
          "value on the site's Windows computer makes EtrnSvc send ETRN (RFC 1985), and the host delivers the mail.")

    step(1, f"The host: Postfix on 127.0.0.1:{holder.port}, which relays mail for {DOMAIN}. It receives one message "
            f"for {RECIPIENT} while the site's mail server (127.0.0.1:{sink.port}) is down, so it holds it. Its log:")
    running.enter_context(holder)
    holder.enqueue(RECIPIENT)
    holder.wait_deferred(DOMAIN)
    show_log(holder, "daemon started", "status=deferred")

    step(2, "The site's Windows computer: a new Wine prefix"
            + ("" if (BUILD / "wine-template").exists() else " (the first one takes about 10 s to create)")
            + ". The MSI is installed silently, with the host and the domain, and with ETRN disabled:")
    windows = Windows(running.enter_context(WinePrefix(wine_directory / "prefix")))
    windows.install(msi, ["ENABLE=0", f"ETRNHOST=127.0.0.1:{holder.port}", f"ETRNDOMAINS={DOMAIN}"])
    windows.etrnctl("status")

    step(3, f"The site's mail server starts on port {sink.port}: smtp-sink, which accepts every message."
            + " EtrnSvc is configured for that port, because it asks only while a program listens there:")
    running.enter_context(sink)
    windows.etrnctl("config", "set", "LocalPort", str(sink.port))
    if holder.queue_count() != 1 or sink.count() != 0:
        raise Failed("the message did not stay where it was until it was asked for")
    print("   The host still holds 1 message; the site has 0.")

    step(4, "The one value, AlwaysUseETRN, is set to 1:")
    delivered, returned = deliver(windows, sink)

    step(5, "The host's log: the domain's queue is released, the message is sent, and a session had one ETRN:")
    holder.wait_for_log("status=sent")
    holder.wait_for_log(": removed")
    holder.wait_for_log("etrn=1")
    show_log(holder, "flush_send_service", "status=sent", "etrn=1")
    print(f"   The host now holds {holder.queue_count()} messages; the site has {sink.count()}.")

    step(6, "What the service reports:")
    windows.wait_for_outcome()
    windows.etrnctl("status")

    print("\nMeasured from just before `etrnctl enable` was started until the site had received the whole\n"
          f"message. Running etrnctl under Wine took {returned * 1000:.0f} ms, in part at the same time.")
    print(f"delivered: 1 message, {delivered * 1000:.0f} ms after enable")


def work(msi: Path, wine_directory: Path, postfix_directory: Path) -> int:
    try:
        with contextlib.ExitStack() as running:
            demonstrate(msi, wine_directory, postfix_directory, running)
        return 0
    except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"\nnot delivered: {error}")
        return 1


def make_directories() -> list[Path]:
    """One for Wine, and one for Postfix, whose user may not enter root's own."""
    BUILD.mkdir(exist_ok=True)
    directories = [Path(tempfile.mkdtemp(prefix="demo-", dir=BUILD)), Path(tempfile.mkdtemp(prefix="etrnsvc-demo-"))]
    directories[1].chmod(0o755)
    return directories


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
    return run_tidily(make_directories, lambda *directories: work(msi, *directories))


if __name__ == "__main__":
    sys.exit(main())
