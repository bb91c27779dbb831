"""A Windows machine with both programs on it, and how a test talks to it.

One machine serves a whole test run. A test begins with machine.fresh(...), which stops the service, forgets all
settings and status, writes new settings and starts the service again; that takes about 0.3 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.certs import Certificate
from lab.scripted import Action, Behaviour, Script, ScriptedServer, Session, listen
from lab.wine import STARTS, WinePrefix

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ETRN_BUILD") or ROOT / "build")

SERVICE = r"HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc"
PARAMETERS = SERVICE + r"\Parameters"
POLICIES = r"HKLM\SOFTWARE\Policies\EtrnSvc"
ROOTS = r"HKLM\SOFTWARE\Microsoft\SystemCertificates\Root\Certificates"
EVENT_SOURCE = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\EtrnSvc"

FOLDER = r"C:\Program Files\EtrnSvc"
SERVICE_EXE = FOLDER + r"\etrnsvc.exe"
TOOL_EXE = FOLDER + r"\etrnctl.exe"
REMOTE_EXE = FOLDER + r"\remote.exe"

LIVE_ADDRESS, DEAD_ADDRESS = "127.0.0.251", "127.0.0.250"  # of names with two addresses

STOPPED, RUNNING, PAUSED = 1, 4, 7  # winsvc.h
NOT_INSTALLED, NOT_ACTIVE = 1060, 1062  # winerror.h
NO_PROCESS = 1359  # the same: from Wine on a busy machine, which now and then does not start a program
STOP, PAUSE, CONTINUE, INTERROGATE, PARAMCHANGE = 1, 2, 3, 4, 6


def helper(name: str) -> Path:
    """A program of tests/helpers, which `make test` has built; by make now when it is absent or its source has changed."""
    program, source = BUILD / "helpers" / f"{name}.exe", ROOT / "tests" / "helpers" / f"{name}.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        with open(BUILD / "helpers.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(["make", "-s", "-C", ROOT, f"B={os.path.relpath(BUILD, ROOT)}", os.path.relpath(program, ROOT)],
                           check=True)
    return program


@dataclass(frozen=True)
class Raw:
    """A registry value of any type and size."""

    type: int
    data: bytes


Value = int | str | Sequence[str] | Raw
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Reply:
    """The output of a program, and its exit code."""

    code: int
    out: str
    err: str


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    """Returns the first true result."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.01)
    return result


def reg_text(key: str, values: Values) -> str:
    """A key with values, as in a .reg file."""
    lines = [f"[{key.replace('HKLM', 'HKEY_LOCAL_MACHINE', 1)}]"]
    for name, value in values.items():
        if isinstance(value, Raw):
            data = f"hex({value.type:x}):" + ",".join(f"{byte:02x}" for byte in value.data)
        elif isinstance(value, int):
            data = f"dword:{value:08x}"
        elif isinstance(value, str):
            data = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        else:
            octets = "".join(item + "\0" for item in [*value, ""]).encode("utf-16-le")
            data = "hex(7):" + ",".join(f"{byte:02x}" for byte in octets)
        lines.append(f'"{name}"={data}')
    return "\r\n".join(lines) + "\r\n\r\n"


def host_texts(hosts: Mapping[str, Values]) -> str:
    return "".join(reg_text(rf"{PARAMETERS}\Hosts\{name}", values) for name, values in hosts.items())


def host_at(server: ScriptedServer, *domains: str, **more: Value) -> dict[str, Value]:
    """The settings of a host that is this server."""
    return {"Host": server.address, "Port": server.port, "Domains": domains or ("a.example",), **more}


class Machine:
    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self.prefix = WinePrefix(path, debug="+eventlog", env=env)
        folder = self.prefix.drive_c / "Program Files" / "EtrnSvc"
        folder.mkdir(parents=True)
        for program in ("etrnsvc.exe", "etrnctl.exe"):
            shutil.copy2(BUILD / program, folder)  # a rebuild during the tests changes nothing
        shutil.copy2(helper("remote"), folder)
        self.status_file = self.prefix.program_data / "EtrnSvc" / "status.json"
        self.backup_folder = self.status_file.parent / "backup"
        self.ctl("service", "install")
        self._events_seen = self._marks = 0
        self._told: tuple[Any, dict[str, Any]] = None, {}
        self._remote: subprocess.Popen[str] | None = None

    # Programs

    def run(self, *words: str, timeout: float = 60.0) -> Reply:
        result = self.prefix.run(words, timeout=timeout)
        return Reply(result.returncode, result.stdout, result.stderr)

    def ctl(self, *words: str, timeout: float = 60.0) -> Reply:
        return self.run(TOOL_EXE, *words, timeout=timeout)

    def ctl_popen(self, *words: str) -> subprocess.Popen[str]:
        return self.prefix.popen([TOOL_EXE, *words])

    # The service

    def control(self, code: int, then: int = 0) -> tuple[int, int]:
        """Sends a control code, waits for a state if one is given, and returns (Win32 error, state)."""
        error, state, _ = self._ask_remote(code, then)
        return error, state

    def handles(self) -> int:
        """How many handles the service has open."""
        return self._ask_remote(INTERROGATE, 0)[2]

    def _ask_remote(self, code: int, then: int) -> list[int]:
        for _ in range(STARTS):
            if not self._remote or self._remote.poll() is not None:  # the first, or the machine was switched off
                self._remote = self._start_remote()
            assert self._remote.stdin and self._remote.stdout
            with contextlib.suppress(BrokenPipeError):
                self._remote.stdin.write(f"{code} {then}\n")
                self._remote.stdin.flush()
                if answer := self._remote.stdout.readline():
                    return [int(number) for number in answer.split()]
            self._remote.wait()  # it was just ending, with the machine
        raise RuntimeError(f"{REMOTE_EXE} does not answer")

    def _start_remote(self) -> subprocess.Popen[str]:
        for _ in range(STARTS):
            process = self.prefix.popen([REMOTE_EXE])
            if process.stdout.readline() == "ready\n":
                return process
        raise RuntimeError(f"Wine does not start {REMOTE_EXE}")

    def change_entry(self, start: int, path: str, account: str) -> None:
        """Changes the service's entry as an administrator may have done: 2, 3 or 4 for automatic, by hand, disabled."""
        assert self.run(REMOTE_EXE, "entry", str(start), path, account).code == 0

    def start(self) -> None:
        for _ in range(STARTS):
            error, state = self.control(0, RUNNING)
            if error != NO_PROCESS:
                break
        assert (error, state) == (0, RUNNING), f"the service did not start: error {error}, state {state}"

    def stop(self) -> int:
        """Stops it, also one that is just starting, and returns the error that there was, such as NOT_ACTIVE."""
        errors: list[int] = []

        def stopped() -> bool:
            error, state = self.control(STOP, STOPPED)
            errors.append(error)
            return state == STOPPED or error in (NOT_ACTIVE, NOT_INSTALLED)

        wait_until(stopped, "a stopped service")
        return errors[-1]

    def save(self) -> None:
        """Makes Wine save the registry, by switching the machine off and on; the service runs afterwards. Wine's
        server sometimes ends itself when a process with open connections is killed, and loses what it has not yet
        saved."""
        self.prefix.kill()
        self.prefix.start()
        wait_until(lambda: self.state() == RUNNING, "the service running")

    def begin_stop(self) -> Stop:
        """Asks the service to stop; the result contains the time it takes."""
        self.control(INTERROGATE)  # the program that asks is there, and ready
        return Stop(self)

    def state(self) -> int:
        error, state = self.control(INTERROGATE)
        return STOPPED if error == NOT_ACTIVE else state

    def fresh(self, values: Values = {}, hosts: Mapping[str, Values] = {}, start: bool = True,
              policies: Values | None = None) -> None:
        """Starts the service with these settings and without earlier status. ETRN is enabled, and hosts may be asked
        at any time and without a local mail server, unless the values say otherwise."""
        if self.stop() == NOT_INSTALLED:
            self.ctl("service", "install")
        values = {"AlwaysUseETRN": 1, "MinimumGapSeconds": 0, "LocalPort": 0} | dict(values)
        gone = "".join(f"[-{key.replace('HKLM', 'HKEY_LOCAL_MACHINE', 1)}]\r\n\r\n" for key in (PARAMETERS, POLICIES))
        above = reg_text(POLICIES, policies) if policies is not None else ""
        self.prefix.reg_import(gone + reg_text(PARAMETERS, values) + host_texts(hosts) + above)
        shutil.rmtree(self.status_file.parent, ignore_errors=True)
        self.forget_events()
        if start:
            self.start()

    def configure(self, values: Values = {}, hosts: Mapping[str, Values] = {}) -> None:
        """Writes further settings in one step."""
        self.prefix.reg_import((reg_text(PARAMETERS, values) if values else "") + host_texts(hosts))

    def trust(self, root: Certificate) -> None:
        """Puts the certificate into the computer's store of trusted roots, as Windows itself writes it there: properties,
        each with its number, 1 and its size (3 the SHA-1, 32 the certificate)."""
        thumbprint = hashlib.sha1(root.der).digest()
        blob = b"".join(struct.pack("<III", number, 1, len(data)) + data for number, data in ((3, thumbprint), (32, root.der)))
        self.prefix.reg_import(reg_text(rf"{ROOTS}\{thumbprint.hex().upper()}", {"Blob": Raw(3, blob)}))

    def processes(self) -> list[int]:
        """The Unix process ids of the service's program on this machine."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_service(pid)]

    def all_processes(self) -> list[int]:
        """Returns the process ids of all programs on this machine, and of Wine's server."""
        return [*filter(self._is_here, map(int, filter(str.isdigit, os.listdir("/proc")))), self.prefix.server()]

    def _is_here(self, pid: int) -> bool:
        try:
            return f"WINEPREFIX={self.prefix.path}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # it has ended meanwhile
            return False

    def _is_service(self, pid: int) -> bool:
        try:
            return b"etrnsvc.exe" in Path(f"/proc/{pid}/cmdline").read_bytes() and self._is_here(pid)
        except OSError:
            return False

    def process(self) -> int:
        [pid] = self.processes()
        return pid

    # What it tells

    def status(self) -> dict[str, Any]:
        """Returns the output of etrnctl status --json."""
        reply = self.ctl("status", "--json")
        assert reply.code == 0, reply
        return json.loads(reply.out)

    def told(self) -> dict[str, Any]:
        """Returns the present status.json, which is always complete. Each version is read once: reading that of
        thousands of hosts continuously would take the processor from the servers of this process."""
        with contextlib.suppress(FileNotFoundError), self.status_file.open("rb") as file:
            facts = os.fstat(file.fileno())
            version = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if version != self._told[0]:
                self._told = version, json.loads(file.read())
            return self._told[1]
        return {}

    def wait_told(self, condition: Callable[[dict[str, Any]], Any], what: str = "status.json",
                  timeout: float = 30.0) -> dict[str, Any]:
        """Returns the first status.json of which the condition is true."""
        told: dict[str, Any] = {}

        def look() -> bool:
            nonlocal told
            told = self.told()
            return bool(told) and bool(condition(told))

        try:
            wait_until(look, what, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says:\n{json.dumps(told, indent=1)}") from None
        return told

    def wait_dequeues(self, count: int, timeout: float = 30.0) -> dict[str, Any]:
        """Returns status.json once every host has been asked that many times."""

        def enough(told: dict[str, Any]) -> bool:
            asked = [host for host in told["hosts"] if host["nodes"]]
            return bool(asked) and all(host["dequeues"] >= count for host in asked)

        return self.wait_told(enough, f"{count} dequeues of each host", timeout)

    def follow(self, values: Values = {}, hosts: Mapping[str, Values] = {}) -> dict[str, Any]:
        """Writes further settings and returns status.json once the service uses them: a host without domains, written
        after them, has appeared in it."""
        self._marks += 1
        old, new = f"mark-{self._marks - 1}", f"mark-{self._marks}"
        gone = f"[-{PARAMETERS.replace('HKLM', 'HKEY_LOCAL_MACHINE', 1)}\\Hosts\\{old}]\r\n\r\n"
        changes = reg_text(PARAMETERS, values) if values else ""
        self.prefix.reg_import(changes + host_texts(hosts) + gone + host_texts({new: {"Enabled": 0}}))
        return self.wait_told(lambda told: any(host["name"] == new for host in told["hosts"]), "the change followed")

    def backups(self) -> list[Path]:
        """The backups that changes saved by themselves, oldest first."""
        return sorted(self.backup_folder.glob("*.reg"))

    def events(self) -> list[tuple[str, str]]:
        """The strings of all events since forget_events(), each with its severity: info, warn or err."""
        return self._events()[self._events_seen:]

    def forget_events(self) -> None:
        self._events_seen = len(self._events())

    def _events(self) -> list[tuple[str, str]]:
        found = re.findall(r':(trace|warn|err):eventlog:ReportEventW L"((?:[^"\\]|\\.)*)"', self.prefix.log())

        def unescape(escape: re.Match[str]) -> str:
            return chr(int(escape[1], 16)) if len(escape[1]) == 4 else escape[1]

        levels = {"trace": "info", "warn": "warn", "err": "err"}
        return [(levels[level], re.sub(r"\\([0-9a-f]{4}|.)", unescape, text)) for level, text in found]

    def warnings(self) -> list[str]:
        return [text for level, text in self.events() if level == "warn"]


STOP_LIMIT = 2.0  # seconds that the service may take to stop


class Stop:
    """The stop of a service. From the time until its process is gone, the time is subtracted during which it, or
    Wine's replacement for the Windows kernel and service manager, was runnable but waited for a processor. The result
    is what the service takes, independent of other load."""

    def __init__(self, machine: Machine) -> None:
        self._service = machine.process()
        self._family = [*machine.all_processes(), os.getpid()]
        self._waited: dict[tuple[int, str], float] = {}  # seconds, of each thread of each process
        self._look()
        self._before = dict(self._waited)
        self._began = time.monotonic()
        machine.control(STOP)

    def seconds(self, patience: float = 10.0) -> float:
        while not wait_gone(self._service, 0.01):
            self._look()
            assert time.monotonic() - self._began < patience, "the process did not end"
        passed = time.monotonic() - self._began
        longest: dict[int, float] = {}  # of the threads of each process
        for (pid, thread), waited in self._waited.items():
            longest[pid] = max(longest.get(pid, 0.0), waited - self._before.get((pid, thread), 0.0))
        return passed - sum(longest.values())

    def _threads(self, pid: int) -> Iterable[Path]:
        tasks = Path(f"/proc/{pid}/task")
        return [tasks / str(threading.get_native_id())] if pid == os.getpid() else tasks.iterdir()

    def _look(self) -> None:
        """Data of threads that have ended is kept."""
        for pid in self._family:
            with contextlib.suppress(OSError, ValueError):  # one that is just ending reads as nothing
                for path in self._threads(pid):
                    _, nanoseconds, _ = path.joinpath("schedstat").read_text().split()
                    self._waited[pid, path.name] = int(nanoseconds) / 1e9


def host(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    told = told.get("service", told)
    [found] = [each for each in told["hosts"] if each["name"] == name]
    return found


def nodes(told: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {node["node"]: node for node in host(told, name)["nodes"]}


def outcomes(told: Mapping[str, Any], name: str) -> dict[str, str]:
    return {node: facts["outcome"] for node, facts in nodes(told, name).items()}


class Hold(Action):
    """Delays the reply until the test releases it: an answer such as [hold, "250 OK"]."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._release = threading.Event()

    async def act(self, session: Session) -> None:
        self.reached.set()
        while not self._release.is_set():
            await asyncio.sleep(0.005)

    def wait(self, timeout: float = 30.0) -> None:
        assert self.reached.wait(timeout), "the conversation did not get so far"

    def release(self) -> None:
        self._release.set()


Serve = Callable[..., ScriptedServer]


@contextlib.contextmanager
def servers() -> Iterator[Serve]:
    """Starts and stops servers, and then checks that no client ever sent before its turn."""
    started: list[ScriptedServer] = []

    def serve(behaviour: Behaviour = Script(), addresses: Sequence[str] = ("127.0.0.1",), port: int = 0) -> ScriptedServer:
        started.append(ScriptedServer(behaviour, addresses, port).start())
        return started[-1]

    try:
        yield serve
    finally:
        for server in started:
            server.stop()
    for server in started:
        assert server.violations() == [], server.transcript()


@contextlib.contextmanager
def black_hole(address: str = "127.0.0.77") -> Iterator[tuple[str, int]]:
    """An address and port where connections are never established: the queue is full, and nothing accepts. "0.0.0.0"
    does so for that port at all addresses."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen([address], backlog=0)[0])
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()


def wait_gone(pid: int, timeout: float) -> bool:
    """Whether a process ended within the time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()  # select() knows no descriptor above 1,023
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    finally:
        os.close(descriptor)


@dataclass
class Patient:
    """A machine whose service waits for the retry of a busy host and for a slow host to finish."""

    machine: Machine
    busy: ScriptedServer
    slow: ScriptedServer
    first: dict[str, Any]  # status.json once the busy host was asked
