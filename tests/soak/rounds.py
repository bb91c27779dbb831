"""Rounds with faults at random. A round is one control 128: every host is asked for every node, and the next round begins
as soon as the hosts that answer at once have been asked; those that keep silent are asked again when they are through.

Rounds come in blocks. Within a block settings change, and the service is paused; at its end all is as it should be for one
round, which must succeed wholly; then the protocol log is held against what the server did in each session."""

from __future__ import annotations

import base64
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from lab.scripted import FINAL_LINE, Script, ScriptedServer, Session, free_port, loopback
from wine.machine import CONTINUE, PARAMETERS, PAUSE, PAUSED, RUNNING, TOOL_EXE, Machine, Raw, Value, nodes, wait_until

from .behaviours import (BY_CODE, NODES, PARTS, PASSING, PASSWORD, SUCCESSES, USER, Fault, Part,
                         plain)
from .log import Logged, Reader
from .watch import Failure, Watch, demand, sample

RUN_ALL, REREAD = 128, 6
DEAD = "127.0.0.200"  # nothing listens there
PATIENCE = 30.0
SLOW_SHARE = 0.25  # of a block, in its beginning: what waits for a time-out has ended when the block does
TIMEOUT = 5  # seconds
GATHERED = 0.3  # seconds until rows of the log are written, and more
WEEK = 10080  # minutes: no round comes by itself
ALWAYS = {"IntervalMinutes": WEEK, "RetrySeconds": 86400, "TimeoutSeconds": TIMEOUT, "ConnectTimeoutSeconds": TIMEOUT,
          "SessionTimeoutSeconds": 30}
PROGRAMS = {"started": r'"C:\windows\system32\hostname.exe"', "program-failed": r'"C:\windows\system32\cmd.exe" /c exit 3'}

Values = dict[str, Value]


def expand(text: str) -> Raw:
    return Raw(2, (text + "\0").encode("utf-16-le"))


class Rounds:
    def __init__(self, machine: Machine, seed: str) -> None:
        self.machine = machine
        self.random = random.Random(seed)
        self.parts: dict[str, Part] = dict(zip(loopback(len(PARTS)), PARTS))
        self.plan: dict[str, Fault] = {address: part.healthy for address, part in self.parts.items()}
        self.given: list[Fault] = []  # to each of server.sessions
        self.server = ScriptedServer(self._behave, list(self.parts))
        self.reader = Reader(machine.status_file.parent / "log")
        self.watch = Watch()
        self.rounds = self.sessions = self.etrns = self.outcomes = 0
        self.faults: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self._uncertain: set[str] = set()  # hosts of which settings changed so that dequeues and outcomes differ in number
        self._cancelling = False
        self._changing: threading.Thread | None = None
        self._program = ""
        self._logging = True

    def _behave(self, address: str, _: int) -> Script:
        self.given.append(self.plan[address])
        return self.plan[address].script

    # The hosts

    def hosts(self) -> dict[str, Values]:
        """All of them, as they are in the beginning of a block."""
        port = self.server.port
        found: dict[str, Values] = {}
        for address, part in self.parts.items():
            if part.host in found:
                found[part.host]["Fallback"] = [f"{address}:{port}"]
                continue
            found[part.host] = {"Host": address, "Port": port, "Domains": NODES, "Tls": "may", "Enabled": 1,
                                "EtrnsPerConnection": 7, "ConnectionsPerHost": 2}
            if part.host == "first-is-down":
                found[part.host] |= {"Host": DEAD, "Port": self.dead_port, "Fallback": [f"{address}:{port}"]}
        found["encrypted"]["Tls"] = "require"
        found["fingered"]["Method"] = "finger"
        found["authenticated"] |= {"User": USER, "AuthInClear": 1}
        found["refused"] = {"Host": DEAD, "Port": self.dead_port, "Domains": NODES}
        found["program"] = {"Method": "program", "Domains": NODES, "Enabled": 0, "Program": expand(PROGRAMS["started"])}
        return found

    def begin(self) -> None:
        self.server.start()
        self.dead_port = free_port([DEAD])
        self.machine.fresh(ALWAYS | {"AlwaysUseETRN": 0, "ProtocolLog": 1}, self.hosts(), start=False)
        set_password(self.machine, PASSWORD)
        self.machine.start()
        self.pid = self.machine.process()

    def end(self) -> None:
        self.machine.stop()
        self.server.stop()

    # A block

    def block(self, count: int) -> None:
        self._uncertain.clear()
        self._cancelling = False
        self._logging = self.random.random() < 0.9
        self.machine.follow(ALWAYS | {"AlwaysUseETRN": 1, "ProtocolLog": int(self._logging),
                                      "MaxConnections": self.random.choice([40, 100, 500])}, self.hosts())
        self._program = ""
        before = self._dequeues(self._at_rest())
        self._forget()
        changes = {self.random.randrange(count // 4, count): change for change in self.random.sample(self._changes(), 3)}
        for number in range(count):
            self._round(slow=number < count * SLOW_SHARE, change=changes.get(number))
        self._finish_change()
        told = self._healthy_round()
        self._check(before, told)
        self.watch.add(sample(self.pid, self.machine.handles()))

    def _at_rest(self) -> dict[str, Any]:
        return self.machine.wait_told(resting, "the service at rest", PATIENCE)

    @staticmethod
    def _dequeues(told: dict[str, Any]) -> dict[str, int]:
        return {each["name"]: each["dequeues"] for each in told["hosts"]}

    def _forget(self) -> None:
        wait_until(lambda: self.server.open_count() == 0, "the end of all sessions", PATIENCE)
        time.sleep(2 * GATHERED)  # the log may have been switched in mid-session: not all that began in it ends there
        self.reader.look()
        self.reader.forget()
        self.server.forget()
        self.given.clear()

    # A round

    def _round(self, slow: bool, change: Callable[[], None] | None) -> None:
        self.rounds += 1
        mark = len(self.server.sessions)
        for address, part in self.parts.items():
            faults = [*part.faults, *part.slow] if slow and self.random.random() < 0.5 else part.faults
            self.plan[address] = part.healthy if self.random.random() < 0.3 else self.random.choice(faults)
        self.machine.control(RUN_ALL)
        if change:
            self._finish_change()
            self.changes[change.__name__] += 1
            change()
        self._wait_for_round(mark)
        if self.rounds % 10 == 0:
            self.watch.add(sample(self.pid, self.machine.handles()), at_rest=False)

    def _wait_for_round(self, mark: int) -> None:
        quick = {address for address, part in self.parts.items() if part.quick}

        def over(server: ScriptedServer) -> bool:
            sessions = [each for each in server.sessions[mark:] if each.address in quick]
            return {each.address for each in sessions} == quick and all(each.closed for each in sessions)

        if self._switching():  # then it is not asked at all for a while
            time.sleep(0.02)
        else:
            self.server.wait_for(over, PATIENCE)

    def _healthy_round(self) -> dict[str, Any]:
        """Returns what was told when it was over."""
        self.machine.follow()
        before = self._dequeues(self._at_rest())
        self.plan = {address: part.healthy for address, part in self.parts.items()}
        self.rounds += 1
        self.machine.control(RUN_ALL)

        def over(told: dict[str, Any]) -> bool:
            return resting(told) and all(each["dequeues"] > before[each["name"]] for each in told["hosts"] if each["enabled"])

        told = self.machine.wait_told(over, "a healthy round", PATIENCE)
        demand(told["process"], "")
        for name in {part.host for part in PARTS} | {"refused"} | ({"program"} if self._program else set()):
            expected = {"refused": "no-connection", "encrypted": "no-tls", "program": self._program}.get(name, "started")
            found = {node: facts["outcome"] for node, facts in nodes(told, name).items()}
            demand(found and set(found.values()) == {expected}, f"a healthy round ended otherwise at {name}: {found}")
        demand(self.machine.processes() == [self.pid], "the service's process is another")
        return told

    # Changes in mid-round

    def _changes(self) -> list[Callable[[], None]]:
        return [self._pause, self._reread, self._limits, self._nodes, self._one_more, self._switch, self._run_program]

    def _pause(self) -> None:
        self._cancelling = True
        self.machine.control(PAUSE, PAUSED)
        self.machine.control(CONTINUE, RUNNING)

    def _reread(self) -> None:
        self.machine.control(REREAD)

    def _limits(self) -> None:
        several = {f"plain-{n}": {"EtrnsPerConnection": self.random.randint(1, 3),
                                  "ConnectionsPerHost": self.random.randint(1, 3)} for n in range(2)}
        self._in_background(lambda: self.machine.configure({"MaxConnections": 60}, several))

    def _nodes(self) -> None:
        self._uncertain.add("plain-1")
        some = self.random.sample(NODES, 2)
        self._in_background(lambda: self.machine.configure({}, {"plain-1": {"Domains": some}}))

    def _one_more(self) -> None:
        more = {"one-more": self.hosts()["refused"]}

        def come_and_go() -> None:
            self.machine.configure({}, more)
            self.machine.prefix.reg_import(f"[-{PARAMETERS.replace('HKLM', 'HKEY_LOCAL_MACHINE', 1)}\\Hosts\\one-more]\r\n")

        self._uncertain.add("one-more")
        self._in_background(come_and_go)

    def _switch(self) -> None:
        def off_and_on() -> None:
            self.machine.configure({"AlwaysUseETRN": 0})
            self.machine.configure({"AlwaysUseETRN": 1})
            self.machine.wait_told(lambda told: told["enabled"])

        self._cancelling = True
        self._uncertain.update(self.hosts())
        self._in_background(off_and_on, "switch")

    def _run_program(self) -> None:
        self._program, program = self.random.choice(list(PROGRAMS.items()))
        change = {"program": {"Enabled": 1, "Program": expand(program)}}
        self._in_background(lambda: self.machine.configure({}, change))

    def _in_background(self, change: Callable[[], None], name: str = "change") -> None:
        self._changing = threading.Thread(target=change, name=name, daemon=True)
        self._changing.start()

    def _switching(self) -> bool:
        return bool(self._changing and self._changing.name == "switch" and self._changing.is_alive())

    def _finish_change(self) -> None:
        if self._changing:
            self._changing.join()
            self._changing = None

    # What became of it

    def _check(self, before: dict[str, int], told: dict[str, Any]) -> None:
        wait_until(lambda: self.server.open_count() == 0, "the end of all sessions", PATIENCE)
        demand(not self.server.violations(), lambda: f"a client broke the protocol:\n{self.server.violations()}")
        self.sessions += len(self.server.sessions)
        self.etrns += len(self.server.etrns())
        self.faults.update(each.kind for each in self.given)
        for session in self.server.sessions:
            check_password(session)
        if not self._logging:
            return
        self._wait_for_log()
        finals: dict[str, Counter[str]] = defaultdict(Counter)
        for logged, session, fault in self._matched():
            self._check_session(logged, session, fault)
            self.outcomes += len(logged.outcomes)
            finals[logged.host].update(node for node, outcome in logged.outcomes if self._is_final(logged, outcome))
        for name, now in self._dequeues(told).items():
            asked = now - before.get(name, 0)
            if name in finals and name not in self._uncertain:
                found = dict(finals[name])
                demand(found == dict.fromkeys(NODES, asked), f"{asked} dequeues of {name}, but outcomes: {found}")

    def _is_final(self, logged: Logged, outcome: str) -> bool:
        """No other server is asked after it."""
        fallback = {"falls-back": self.parts_of("falls-back")[0], "first-is-down": DEAD}
        return outcome not in PASSING or logged.to[0] != fallback.get(logged.host)

    def parts_of(self, name: str) -> list[str]:
        return [address for address, part in self.parts.items() if part.host == name]

    def _wait_for_log(self) -> None:
        """Rows are written together, a moment later."""
        def whole() -> bool:
            self.reader.look()
            ended = all(each.ended for each in self.reader.sessions.values())
            return ended and (not self._logging or not self._missing())

        try:
            wait_until(whole, "the protocol log up to date", PATIENCE)
        except TimeoutError:
            lacking = [str(each) for each in self._missing()]
            endless = [each.rows for each in self.reader.sessions.values() if not each.ended]
            raise Failure(f"the protocol log lacks sessions: {lacking}, or their ends: {endless}") from None

    def _missing(self) -> list[Session]:
        """The server's sessions that the log does not know, though it should."""
        known = {(each.to, each.connected) for each in self.reader.sessions.values()}
        return [session for session, fault in zip(self.server.sessions, self.given)
                if self._ends(session) not in known and "no-connection" not in fault.outcomes
                and (session.commands or not self._cancelling)]  # it may end before we know that it is connected

    def _ends(self, session: Session) -> tuple[tuple[str, int], str]:
        address, port = session.transport.get_extra_info("peername")[:2]
        return (session.address, self.server.port), f"{address}:{port}"

    def _matched(self) -> Iterator[tuple[Logged, Session | None, Fault | None]]:
        """Each session of the log with the server's record of it; without one where no connection came about."""
        records: dict[Any, list[tuple[Session, Fault]]] = defaultdict(list)
        steady = time.time() - time.monotonic()
        for session, fault in zip(self.server.sessions, self.given):
            records[self._ends(session)].append((session, fault))
        for logged in self.reader.sessions.values():
            if not logged.connected:
                yield logged, None, None
                continue
            found = records[logged.to, logged.connected]
            demand(found, lambda: f"the protocol log tells of a session that the server never had: {logged.rows}")
            nearest = min(found, key=lambda each: abs(each[0].opened + steady - logged.at))  # ports are used again
            found.remove(nearest)
            yield logged, *nearest

    def _check_session(self, logged: Logged, session: Session | None, fault: Fault | None) -> None:
        demand(logged.outcomes, lambda: f"a session without an outcome: {logged.rows}")
        codes = replies(session) if session else {}
        for node, outcome in logged.outcomes:
            allowed = set(fault.outcomes) if fault else {"no-connection"}
            if node in codes and fault and not fault.cut:
                allowed = {BY_CODE.get(codes[node], "broken")}
            elif node in codes:
                allowed.add(BY_CODE.get(codes[node], "broken"))
            elif self._cancelling or logged.host == "one-more":  # which is taken away while it is asked
                allowed.add("cancelled")
            if not fault:
                self.faults["refused"] += 1
            said = codes.get(node) is not None or logged.host == "fingered"
            demand(outcome in allowed and (said or outcome not in SUCCESSES),
                   lambda: f"{logged.host}, {node}: {outcome} instead of {sorted(allowed)}\n{session}\n{logged.rows}")


def resting(told: dict[str, Any]) -> bool:
    return told["sessions"] == 0 and not any(each["asking"] for each in told["hosts"])


def replies(session: Session) -> dict[str, int]:
    """The code of the reply that the server gave to each node, as far as it gave a whole one."""
    found = {}
    times = [command.time for command in session.commands] + [float("inf")]
    for command, end in zip(session.commands, times[1:]):
        data = b"".join(sent.data for sent in session.sent if command.time <= sent.time < end)
        lines = data.split(b"\r\n")[:-1]
        final = next((line for line in lines if FINAL_LINE.match(line)), None)
        if command.verb == "ETRN" and final and all(line[:3] == final[:3] for line in lines[:lines.index(final)]):
            found[command.argument] = int(final[:3])
    return found


def check_password(session: Session) -> None:
    for command in session.commands:
        demand(command.verb != "AUTH" or command.argument in ("LOGIN", plain(PASSWORD)), lambda: f"another password:\n{session}")
    words = [base64.b64encode(word.encode()).decode() for word in (USER, PASSWORD)]
    asked = any(command.argument == "LOGIN" for command in session.commands)
    demand(not asked or all(answer in (*words, "*") for answer in session.answers), lambda: f"another password:\n{session}")


def set_password(machine: Machine, password: str) -> None:
    result = machine.prefix.run([TOOL_EXE, "config", "set", "Password", "--host", "authenticated"], input=password + "\n")
    demand(result.returncode == 0, f"the password was not set: {result.stdout}{result.stderr}")
