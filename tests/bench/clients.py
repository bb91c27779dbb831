"""The three programs that bench.py compares, and the server that all of them ask: how each is run and watched."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.scripted import loopback
from lab.wine import WinePrefix
from wine.machine import PARAMETERS, Value, black_hole, host_texts, reg_text

TESTS = Path(__file__).resolve().parents[1]
BUILD = TESTS.parent / "build"
DELAY = 0.05  # seconds that the server waits before each reply: one round trip
CONNECT_TIMEOUT = 5  # seconds, for each program, where there are dead hosts
TOGETHER = 50  # msmtp processes at once
PATIENCE = 120.0
SAMPLE = 0.1  # seconds between two looks at memory


@dataclass(frozen=True)
class Task:
    """So many hosts, each to be asked for so many domains. With `dead`, every tenth lets a connection wait for ever."""

    hosts: int
    domains: int
    dead: bool = False

    def __str__(self) -> str:
        return f"{self.hosts:,} x {self.domains}" + ", a tenth dead" * self.dead

    def addresses(self) -> list[str]:
        return loopback(self.hosts)

    def dead_addresses(self) -> list[str]:
        return self.addresses()[5::10] if self.dead else []

    def names(self) -> list[str]:
        return [f"d{n}.example" for n in range(1, self.domains + 1)]

    def etrns(self) -> int:
        """That come when all live hosts are asked."""
        return (self.hosts - len(self.dead_addresses())) * self.domains


@dataclass(frozen=True)
class Round:
    """One round, as the server saw it: from its first connection until the last ETRN was answered."""

    seconds: float
    began: float  # time.monotonic() of the first connection
    slowest: float  # seconds of the host that took longest, from its own first connection
    most_open: int
    server_load: float  # of one processor, while the round lasted
    memory: int = 0  # KiB, the peak of the program's


class Server:
    """The scripted server, in a process of its own, and the black hole for dead hosts."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._stack = contextlib.ExitStack()
        command = [sys.executable, "-m", "lab.scripted", "--addresses", str(task.hosts), "--port", "0",
                   "--delay", str(DELAY)]
        self._process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        port = int(re.search(r"port (\d+)", self._process.stdout.readline())[1])
        self.ports = dict.fromkeys(task.addresses(), port)
        if task.dead:
            _, hole = self._stack.enter_context(black_hole("0.0.0.0"))
            self.ports |= dict.fromkeys(task.dead_addresses(), hole)
        self._used = self._processor_seconds()

    def end(self, memory: int) -> Round:
        used = self._processor_seconds() - self._used
        self._process.terminate()
        told = json.loads(self._process.communicate(timeout=30)[0])
        self._stack.close()
        if told["etrns"] != self.task.etrns() or told["violations"]:
            raise RuntimeError(f"{self.task}: {told['etrns']} ETRNs came instead of {self.task.etrns()}, with "
                               f"{told['violations']} violations of the protocol")
        seconds = told["answered_seconds"]
        return Round(seconds, told["began"], told["slowest_seconds"], told["peak_open"], used / seconds, memory)

    def _processor_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# Memory


def resident(pid: int) -> int:
    """KiB, what is shared with others divided among them (PSS); 0 when the process has ended."""
    with contextlib.suppress(OSError):
        if found := re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE):
            return int(found[1])
    return 0


def processes_of(group: int) -> list[int]:
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((directory / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                found.append(int(directory.name))
    return found


class Memory:
    """Looks at processes again and again while it is entered."""

    def __init__(self, processes: Callable[[], Sequence[int]]) -> None:
        self.peak = 0
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE):
            self.peak = max(self.peak, sum(map(resident, self._processes())))


def run_watched(command: Sequence[str | Path], text: str = "", env: dict[str, str] | None = None) -> int:
    """Runs a program, and returns the peak of its and its children's memory in KiB. How it ends is no matter: the server
    tells what came."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=env, text=True, start_new_session=True)
    with Memory(lambda: processes_of(process.pid)) as memory:
        process.communicate(text)
    return memory.peak


# The other programs


def ask_with_fetchmail(task: Task, directory: Path) -> Round:
    """One .fetchmailrc for all."""
    server = Server(task)
    rc = directory / "fetchmailrc"
    patience = f"timeout {CONNECT_TIMEOUT} " if task.dead else ""
    rc.write_text("".join(f"poll {host} protocol ETRN service {port} {patience}fetchdomains {' '.join(task.names())}\n"
                          for host, port in server.ports.items()))
    rc.chmod(0o600)
    command = ["fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--pidfile", directory / "pid", "-i", directory / "ids"]
    env = os.environ | {"HOME": str(directory), "FETCHMAILHOME": str(directory), "LC_ALL": "C"}
    return server.end(run_watched(command, env=env))


def ask_with_msmtp(task: Task, _: Path) -> Round:
    """One process for each host and domain, TOGETHER at once: what a shell does with xargs -P."""
    server = Server(task)
    lines = "".join(f"{host} {port} {domain}\n" for host, port in server.ports.items() for domain in task.names())
    patience = f"--timeout={CONNECT_TIMEOUT} " if task.dead else ""
    command = ["xargs", "-P", str(TOGETHER), "-L", "1", "sh", "-c",
               f'exec msmtp -C /dev/null {patience}--host="$0" --port="$1" --rmqs="$2"']
    return server.end(run_watched(command, lines))


# The service


class Service:
    """EtrnSvc on a Windows machine of its own."""

    def __init__(self, prefix: WinePrefix) -> None:
        self.prefix = prefix
        self.folder = prefix.drive_c / "etrnsvc"
        self.folder.mkdir()
        for name in ("etrnsvc.exe", "etrnctl.exe"):
            shutil.copy2(BUILD / name, self.folder)
        self.etrnctl("service", "install")
        self.etrnctl("service", "start")
        self.pid = self._find()

    def etrnctl(self, *words: str) -> str:
        result = self.prefix.run([self.folder / "etrnctl.exe", *words])
        if result.returncode != 0:
            raise RuntimeError(f"etrnctl {' '.join(words)}: {result.stdout}{result.stderr}")
        return result.stdout

    def configure(self, task: Task, ports: dict[str, int]) -> None:
        """Switches it off, and gives it these hosts in place of those it had."""
        if "AlwaysUseETRN" in self.prefix.reg_query(PARAMETERS):
            self.etrnctl("disable")
        if self.prefix.reg_query(PARAMETERS + r"\Hosts"):
            self.prefix.reg_delete(PARAMETERS + r"\Hosts")
        self._wait_until(lambda told: not told["hosts"])
        values: dict[str, Value] = {"MinimumGapSeconds": 0, "LocalPort": 0}
        if task.dead:
            values |= {"MaxConnections": 2 * task.hosts, "ConnectTimeoutSeconds": CONNECT_TIMEOUT}
        hosts = {host: {"Port": port, "Domains": task.names()} for host, port in ports.items()}
        self.prefix.reg_import(reg_text(PARAMETERS, values) + host_texts(hosts))
        self._wait_until(lambda told: len(told["hosts"]) == task.hosts)

    def enable(self) -> float:
        """Sets AlwaysUseETRN, and returns when that value was written: Wine says so in etrnctl's trace."""
        tool = self.prefix.popen([self.folder / "etrnctl.exe", "enable"], env={"WINEDEBUG": "-all,+reg"})
        written = 0.0
        for line in tool.stdout:
            if not written and "NtSetValueKey" in line and "AlwaysUseETRN" in line:
                written = time.monotonic()
        if tool.wait() != 0 or not written:
            raise RuntimeError("etrnctl enable did not set the value")
        return written

    def wait_for_round(self, task: Task) -> None:
        """Returns when every host has been asked, and the service has told it. Looking costs, so that it is done the
        seldomer the more there is to see."""
        self._wait_until(lambda told: all(host["dequeues"] and not host["asking"] for host in told["hosts"]),
                         pause=max(0.1, task.hosts / 500))

    def _wait_until(self, condition: Callable[[dict], bool], pause: float = 0.1) -> None:
        path = self.prefix.program_data / "EtrnSvc" / "status.json"
        deadline = time.monotonic() + PATIENCE
        while not condition(json.loads(path.read_text())):
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {PATIENCE:.0f} s in vain; the service says:\n{path.read_text()[:2000]}")
            time.sleep(pause)

    def _find(self) -> int:
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if (directory / "comm").read_text().strip() == "etrnsvc.exe" and \
                        f"WINEPREFIX={self.prefix.path}\0".encode() in (directory / "environ").read_bytes():
                    return int(directory.name)
            except OSError:  # it has just ended
                pass
        raise RuntimeError("etrnsvc.exe does not run")


@dataclass(frozen=True)
class ServiceRound:
    round: Round
    reaction: float  # seconds from the value's being written to the first connection


def ask_with_service(service: Service, task: Task) -> ServiceRound:
    server = Server(task)
    service.configure(task, server.ports)
    with Memory(lambda: [service.pid]) as memory:
        written = service.enable()
        service.wait_for_round(task)
    seen = server.end(memory.peak)
    return ServiceRound(seen, seen.began - written)
