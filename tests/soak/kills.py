"""SIGKILL at a random instant, while something is under way; then all that is on disk must be whole, and the next start ask
every host, with the password that was stored."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from lab.scripted import Script, ScriptedServer, loopback
from wine.machine import RUNNING, SERVICE_EXE, Machine, Value, outcomes, wait_gone, wait_until

from .behaviours import AUTH, OTHER_PASSWORD, PASSWORD, USER, plain
from .log import files, rows_of
from .rounds import set_password
from .watch import demand

HOSTS = 12
NODES = [f"{n}.example" for n in range(8)]
FULL = 10 << 20  # octets, of a file of the protocol log
BACKUPS = 20  # are kept
PATIENCE = 60.0
SETTLED = 0.1  # seconds
AS_SERVICE = 20  # each so many is killed as a service, which takes switching Windows on anew


class Kills:
    def __init__(self, machine: Machine, seed: str) -> None:
        self.machine = machine
        self.random = random.Random(seed)
        script = Script(ehlo=AUTH, delay=0.002, verbs={"AUTH": "235 in"})
        self.server = ScriptedServer(script, loopback(HOSTS))
        self.kills: Counter[str] = Counter()
        self.partial = 0  # last rows that were not whole
        self._passwords = {PASSWORD}  # any of these may be stored
        self._interval = 100
        self._console: subprocess.Popen[str] | None = None
        self.falls = 0  # of Wine itself
        self._server = 0

    def begin(self) -> None:
        self.server.start()
        self.hosts: dict[str, dict[str, Value]] = {
            address: {"Port": self.server.port, "Domains": NODES} for address in self.server.addresses}
        self.hosts["authenticated"] = {**self.hosts.pop(self.server.address), "Host": self.server.address, "User": USER,
                                       "AuthInClear": 1}
        self.machine.fresh({"ProtocolLog": 1, "MaxConnections": 6}, self.hosts, start=False)
        set_password(self.machine, PASSWORD)
        self._switch_on_anew()  # the registry is on disk

    def end(self) -> None:
        self._kill()
        self.server.stop()

    def kill(self) -> None:
        """One more."""
        number = self.kills.total() + 1
        as_service = number % AS_SERVICE == 0
        activities = [self._in_a_round, self._while_starting, self._while_status_is_written, self._while_the_log_turns,
                      self._while_settings_are_read, self._while_settings_are_changed, self._while_a_password_is_set]
        activity = self._in_a_round if as_service else self.random.choice(activities)
        self.server.forget()
        self._start(as_service)
        activity()
        self.kills["as a service" if as_service else activity.__name__.strip("_").replace("_", " ")] += 1
        self._kill(as_service)
        self._look_at_files()
        self._ask_all()

    # Its life

    def _start(self, as_service: bool = False) -> None:
        if as_service:
            self.machine.start()
        else:
            self._console = self.machine.prefix.popen([SERVICE_EXE, "--console"], stdout=subprocess.DEVNULL)

    def _kill(self, as_service: bool = False) -> None:
        for pid in self.machine.processes():
            os.kill(pid, signal.SIGKILL)
            wait_gone(pid, PATIENCE)
        if self._console:
            self._console.kill()
            self._console.wait(PATIENCE)
            self._console = None
        if as_service:  # which Wine goes on calling running
            self._switch_on_anew()
        elif self._wine_fell():
            self.falls += 1
            self._switch_on_anew()

    def _wine_fell(self) -> bool:
        """Wine 8's server may abort when a process with connections is killed (sock_get_poll_events: Assertion), a moment
        later. That is as if the power went: the registry is as it was last saved."""
        time.sleep(SETTLED)
        try:
            return self.machine.prefix.server() != self._server
        except ProcessLookupError:
            return True

    def _switch_on_anew(self) -> None:
        self.machine.prefix.kill()
        self.machine.prefix.start()  # which starts the service
        self._server = self.machine.prefix.server()
        wait_until(lambda: self.machine.state() == RUNNING, "the service running", PATIENCE)
        self.machine.stop()
        self._passwords = {PASSWORD, OTHER_PASSWORD}

    def _ask_all(self) -> None:
        """Starts it again, and demands a whole round."""
        self.server.forget()
        self._start()
        if self._wine_fell():
            self._kill()
            self._ask_all()
            return
        told = self.machine.wait_told(lambda told: told["sessions"] == 0 and self._is_new(told) and all(
            host["dequeues"] >= 1 for host in told["hosts"]), "all asked after a kill", PATIENCE)
        for name in self.hosts:
            demand(outcomes(told, name) == dict.fromkeys(NODES, "started"), f"after a kill: {outcomes(told, name)}")
        demand(not told["problems"], f"settings are not whole: {told['problems']}")
        found = {command.argument for command in self.server.commands("AUTH")}
        demand(len(found) == 1 and found <= set(map(plain, self._passwords)), f"another password was sent: {found}")
        self._passwords = {password for password in self._passwords if plain(password) in found}
        self._kill()

    def _is_new(self, told: dict[str, Any]) -> bool:
        return bool(self.server.commands("AUTH")) and all(
            node["outcome"] == "started" for host in told["hosts"] for node in host["nodes"])

    # What is under way

    def _in_a_round(self) -> None:
        self._wait_for_etrns(self.random.randrange(1, HOSTS * len(NODES)))

    def _while_starting(self) -> None:
        time.sleep(self.random.random() * 0.3)

    def _while_status_is_written(self) -> None:
        self._wait_for_etrns(1)
        time.sleep(0.05 + self.random.random() * 0.1)

    def _while_the_log_turns(self) -> None:
        path = wait_until(lambda: files(self._log()), "a log", PATIENCE)[-1]
        self._kill()
        size = path.stat().st_size
        with open(path, "ab") as file:
            filler = b"#" + b"x" * 997 + b"\r\n"
            file.write(filler * ((FULL - size - self.random.randrange(0, 30_000)) // len(filler)))
        self._start()
        self._wait_for_etrns(1)
        time.sleep(0.1 + self.random.random() * 0.25)

    def _while_settings_are_read(self) -> None:
        self._wait_for_etrns(1)
        writer = self._in_background(["reg", "import", "Z:" + str(self._settings_file()).replace("/", "\\")])
        time.sleep(self.random.random() * 0.3)
        self._kill()
        writer.wait(PATIENCE)

    def _while_settings_are_changed(self) -> None:
        self._interval += 1
        self._run_tool_and_kill("IntervalMinutes", str(self._interval))

    def _while_a_password_is_set(self) -> None:
        password = OTHER_PASSWORD if PASSWORD in self._passwords else PASSWORD
        self._passwords.add(password)
        self._run_tool_and_kill("Password", "--host", "authenticated", line=password + "\n")

    def _run_tool_and_kill(self, *words: str, line: str = "") -> None:
        """Both the tool and the service are killed."""
        self._wait_for_etrns(1)
        tool = self.machine.ctl_popen("config", "set", *words)
        assert tool.stdin
        tool.stdin.write(line)
        tool.stdin.flush()
        time.sleep(0.1 + self.random.random() * 0.4)
        tool.kill()
        tool.wait(PATIENCE)

    def _wait_for_etrns(self, count: int) -> None:
        self.server.wait_for(count, PATIENCE)

    def _in_background(self, words: list[str]) -> subprocess.Popen[str]:
        return self.machine.prefix.popen(words, stdout=subprocess.DEVNULL)

    def _settings_file(self) -> Path:
        from wine.machine import PARAMETERS, host_texts, reg_text

        path = self.machine.prefix.path / "settings.reg"
        text = "".join(reg_text(PARAMETERS, {"TimeoutSeconds": 100 + n}) + host_texts(self.hosts) for n in range(20))
        path.write_bytes(("\ufeffWindows Registry Editor Version 5.00\r\n\r\n" + text).encode("utf-16-le"))
        return path

    # What is on disk

    def _log(self) -> Path:
        return self.machine.status_file.parent / "log"

    def _look_at_files(self) -> None:
        if told := self.machine.told():  # raises when it is not whole
            demand({host["name"] for host in told["hosts"]} == set(self.hosts), f"status.json is not whole: {told}")
        for path in files(self._log()):
            data = path.read_bytes()
            self.partial += not data.endswith(b"\r\n")
            for _ in rows_of(path, data):
                pass
        for path in files(self._log())[:-1]:
            path.unlink()  # each is looked at once
        for path in self.machine.backups():
            check_backup(path, list(self.hosts))
        demand(len(self.machine.backups()) <= BACKUPS + 1, lambda: f"backups are left: {self.machine.backups()}")

    def leftovers(self) -> list[str]:
        """Files that were being written aside."""
        return sorted(path.name for path in self.machine.status_file.parent.rglob("*.new"))


def check_backup(path: Path, hosts: list[str]) -> None:
    text = path.read_bytes().decode("utf-16")
    demand(text.startswith("Windows Registry Editor Version 5.00\r\n") and text.endswith("\r\n\r\n"), f"{path} is not whole")
    for name in hosts:
        demand(f"\\Hosts\\{name}]" in text, f"{path} lacks {name}")
