"""Hosts that are asked by finger or by a program, and what happens around a dequeue: a ping before it, a service
during it."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.scripted import Each, Script, listen
from lab.wine import windows_path

from .machine import (CONTINUE, PARAMETERS, PAUSE, PAUSED, RUNNING, STOP_LIMIT, Hold, Machine, Raw, Serve, Value, helper, host, host_at,
                      nodes, outcomes, wait_until)

PATIENCE = 30.0  # seconds, for a machine that has much else to do
EXPAND = 2  # REG_EXPAND_SZ
UNRESOLVED = "nowhere.invalid"  # RFC 6761: never has an address


def copied(name: str, path: Path) -> Path:
    """A program of tests/helpers, where the files that it reads and writes are beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(helper(name), path))


# ---- finger ----


class FingerServer:
    """Accepts queries one at a time, and replies to each with `answer`; None sends nothing and keeps the connection
    open."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.queries: list[bytes] = []
        self.after: list[bytes] = []  # what came behind the query
        [self.listener] = listen(["127.0.0.1"])
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            query = b""
            while not query.endswith(b"\n") and (part := connection.recv(1000)):
                query += part
            self.queries.append(query)
            if self.answer is None:
                self.after.append(connection.recv(1000))
                return
            connection.sendall(self.answer)


@contextlib.contextmanager
def finger_server(answer: bytes | None) -> Iterator[FingerServer]:
    server = FingerServer(answer)
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)  # which also wakes its thread
        server.listener.close()


def finger_host(port: int, *domains: str, **more: Value) -> dict[str, Value]:
    return {"Host": "127.0.0.1", "Port": port, "Method": "finger", "Domains": domains or ("a.example",), **more}


def test_finger_asks_for_each_node_and_reports_the_answer(machine: Machine) -> None:
    answer = b"Mail for you\r\n\tis \x1b[31msent\x00 \xff\xc3\xa9 \"now\"\r\n"
    with finger_server(answer) as server:
        machine.fresh(hosts={"isp": finger_host(server.port, "a.example", "@sub.example", "#queue")})
        told = machine.wait_dequeues(1, PATIENCE)
        assert sorted(server.queries) == [b"#queue\r\n", b"@sub.example\r\n", b"a.example\r\n"]
    assert outcomes(told, "isp") == dict.fromkeys(["a.example", "@sub.example", "#queue"], "started")
    shown = nodes(told, "isp")["a.example"]["text"]
    assert shown == 'Mail for you is \\x1b[31msent \\xff\u00e9 "now" '
    assert "\x1b" not in machine.ctl("status").out
    assert nodes(told, "isp")["a.example"]["output"] == 'Mail for you\n is \\x1b[31msent \\xff\u00e9 "now"\n'
    assert machine.warnings() == []


def test_finger_of_a_long_answer_the_beginning(machine: Machine) -> None:
    with finger_server(b"begins " + b"x" * 300_000) as server:
        machine.fresh(hosts={"isp": finger_host(server.port)})
        told = machine.wait_dequeues(1, PATIENCE)
    text = nodes(told, "isp")["a.example"]["text"]
    assert text.startswith("begins xxx") and text.endswith("...") and len(text) < 300
    assert nodes(told, "isp")["a.example"]["output"] == "begins " + "x" * 4089


def test_finger_closed_without_an_answer_is_no_success(machine: Machine) -> None:
    with finger_server(b"\r\n") as server:
        machine.fresh({"RetrySeconds": 600}, {"isp": finger_host(server.port)})
        told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "lost"}
    assert "without a reply" in nodes(told, "isp")["a.example"]["text"]
    assert host(told, "isp")["next_trigger"] == "retry"


def test_finger_of_a_silent_server_times_out(machine: Machine) -> None:
    with finger_server(None) as server:
        machine.fresh({"TimeoutSeconds": 5}, {"isp": finger_host(server.port)})
        told = machine.wait_dequeues(1, PATIENCE)
        assert outcomes(told, "isp") == {"a.example": "timed-out"}
        assert "no reply to finger in 5 s" in nodes(told, "isp")["a.example"]["text"]
        wait_until(lambda: server.after == [b""], "the connection closed", PATIENCE)


def test_finger_refused(machine: Machine) -> None:
    with finger_server(b"") as server:
        port = server.port
    machine.fresh(hosts={"isp": finger_host(port)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "no-connection"}


def test_finger_has_its_own_default_port(machine: Machine) -> None:
    machine.fresh(hosts={"own": {"Host": "127.0.0.1", "Method": "finger", "Domains": ["a.example"]},
                         "another": {"Host": "127.0.0.1", "Method": "finger", "Port": 25, "Domains": ["a.example"]}})
    told = machine.wait_dequeues(1, PATIENCE)
    assert [host(told, name)["port"] for name in ("own", "another")] == [79, 25]


def test_stop_while_finger_waits(machine: Machine) -> None:
    with finger_server(None) as server:
        machine.fresh(hosts={"isp": finger_host(server.port)})
        wait_until(lambda: server.queries, "the query", PATIENCE)
        assert machine.begin_stop().seconds() < STOP_LIMIT
    assert outcomes(machine.told(), "isp") == {"a.example": "none"}


# ---- programs ----


class Program:
    """The test's program, in a folder whose name has spaces."""

    def __init__(self, path: Path) -> None:
        self.path = copied("program", path)
        self.quoted = f'"{windows_path(path)}"'

    def order(self, *words: object) -> None:
        """What it must do: exit N, flood N, sleep, child, leave N; without any of them it ends at once."""
        self.path.with_suffix(".order").write_text(" ".join(map(str, words)))
        self.path.with_suffix(".calls").unlink(missing_ok=True)

    def calls(self) -> list[list[str]]:
        """Each with its arguments."""
        with contextlib.suppress(FileNotFoundError):
            return [line.split("|")[1:] for line in self.path.with_suffix(".calls").read_text().splitlines()]
        return []

    def processes(self) -> list[int]:
        """Returns the processes that run now."""
        found = []
        for each in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (each / "cmdline").read_bytes() if each.name.isdigit() else b""
                if self.path.name.encode() in words or b"ping-for-ever" in words:
                    found.append(int(each.name))
        return found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("programs") / "with spaces, $x" / "errand.exe")


def program_host(command: str, *domains: str, **more: Value) -> dict[str, Value]:
    expand = Raw(EXPAND, (command + "\0").encode("utf-16-le"))
    return {"Host": "mx.example", "Method": "program", "Program": expand, "Domains": domains or ("a.example",), **more}


def text_of(told: dict[str, Any]) -> str:
    return nodes(told, "isp")["a.example"]["text"]


def test_program_runs_once_for_all_nodes(machine: Machine, program: Program) -> None:
    program.order("exit", 0)
    machine.fresh(hosts={"isp": program_host(program.quoted, "a.example", "b.example", EtrnsPerConnection=1)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "started", "b.example": "started"}
    assert text_of(told) == "exit code 0: it says 0 \\x1b[31m"
    assert program.calls() == [[]]


def test_program_without_output(machine: Machine, program: Program) -> None:
    program.order()
    machine.fresh(hosts={"isp": program_host(program.quoted)})
    assert outcomes(machine.wait_dequeues(1, PATIENCE), "isp") == {"a.example": "started"}


def test_program_that_fails(machine: Machine, program: Program) -> None:
    program.order("exit", 3)
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(program.quoted)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "program-failed"}
    assert text_of(told).startswith("exit code 3: it says 3")
    assert host(told, "isp")["next_trigger"] == "retry"
    assert machine.warnings()[:2] == ["isp", "a.example"]


def test_program_with_long_output_shows_its_end(machine: Machine, program: Program) -> None:
    program.order("flood", 5000)
    machine.fresh(hosts={"isp": program_host(program.quoted)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert text_of(told).endswith("line 4999")
    assert len(text_of(told)) < 300


def test_program_its_last_4_kb_are_kept_in_lines(machine: Machine, program: Program) -> None:
    program.order("flood", 5000)
    machine.fresh(hosts={"isp": program_host(program.quoted, "a.example", "b.example")})
    told = machine.wait_dequeues(1, PATIENCE)
    said = "".join(f"line {n}\n" for n in range(5000))
    kept = nodes(told, "isp")["a.example"]["output"]
    assert said.endswith(kept) and 4096 - 5000 / 10 < len(kept) <= 4096  # CRLF is one here
    assert '\\nline 4998\\nline 4999\\n"' in machine.status_file.read_text()
    assert nodes(machine.status(), "isp")["a.example"]["output"] == kept
    assert nodes(told, "isp")["b.example"]["output"] is None  # one run, told once
    program.order()
    machine.ctl("run")
    assert nodes(machine.told(), "isp")["a.example"]["output"] is None


def test_program_that_fails_run_and_status_show_its_last_lines(machine: Machine, program: Program) -> None:
    program.order("exit", 3)
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(program.quoted)})
    machine.wait_dequeues(1, PATIENCE)
    reply = machine.ctl("run")
    assert reply.code == 4
    assert reply.out.splitlines() == ["isp: a.example: The command in Program failed.", "    exit code 3:", "      it says 3",
                                      "      \\x1b[31m", "    Run it manually and check its output."]
    lines = machine.ctl("status").out.splitlines()
    at = lines.index("      exit code 3:")
    assert lines[at + 1 : at + 3] == ["        it says 3", "        \\x1b[31m"]


@pytest.mark.parametrize("code", [259, 256, 1])
def test_program_exit_codes_of_any_value_are_reported(machine: Machine, program: Program, code: int) -> None:
    program.order("exit", code)  # 259 is STILL_ACTIVE
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(program.quoted)})
    assert text_of(machine.wait_dequeues(1, PATIENCE)).startswith(f"exit code {code}: it says {code}")


@pytest.mark.parametrize("code", [0, 7])
def test_program_that_leaves_a_child_running_has_ended(machine: Machine, program: Program, code: int) -> None:
    program.order("leave", code)
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(program.quoted)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert text_of(told) == f"exit code {code}: it leaves one behind"
    wait_until(lambda: not program.processes(), "the child's end with the job", 5)


def test_program_placeholders_are_single_arguments(machine: Machine, program: Program) -> None:
    program.order()
    smuggler = '#x"\\"-y\\\\"&%PATH%'
    domains = ["a.example", smuggler]
    command = program.quoted + ' {host} "{node}" -n={node} {node}x "two words" "%SystemDrive%" ""'
    machine.fresh(hosts={"isp": program_host(command, *domains)})
    machine.wait_dequeues(1, PATIENCE)
    expected = [["mx.example", node, "-n={node}", "{node}x", "two words", "C:", ""] for node in domains]
    assert sorted(program.calls()) == sorted(expected)


@pytest.mark.parametrize("ending", ["", ".", " ", " . ", "::$DATA", ":x"])
def test_a_batch_file_by_any_name_is_refused_what_cmd_reads_as_more(machine: Machine, ending: str) -> None:
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(rf'"C:\fetch.BAT{ending}" {{node}}', "#%PATH%")})
    told = machine.wait_dequeues(1, PATIENCE)
    text = nodes(told, "isp")["#%PATH%"]["text"]
    assert "argument" in text, text  # refused before it is found that there is no such file


def test_batch_file_gets_no_node_that_cmd_would_read_as_more(machine: Machine, tmp_path: Path) -> None:
    batch = tmp_path / "fetch.bat"
    batch.write_text("@echo off\r\necho [%1]\r\n")
    command = f'"{windows_path(batch)}" {{node}}'
    machine.fresh({"RetrySeconds": 600}, {"isp": program_host(command, "a.example", '#x"&echo', "#%PATH%")})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "started", '#x"&echo': "program-failed", "#%PATH%": "program-failed"}
    assert text_of(told) == 'exit code 0: ["a.example"]'


@pytest.mark.parametrize("command", [r"C:\windows\system32\net.exe stop", r'"net.exe" stop', r'"..\net.exe"', r'"C:\net.exe'])
def test_program_without_a_full_path_in_quotation_marks_is_refused(machine: Machine, command: str) -> None:
    machine.fresh(hosts={"isp": program_host(command)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "program-failed"}  # there is none
    assert text_of(told).startswith("the program could not be started: "), text_of(told)
    [problem] = told["problems"]
    assert problem["name"] == "Program"
    assert machine.warnings()[:2] == [PARAMETERS + r"\Hosts\isp", "Program"]


@pytest.mark.parametrize("command", [None, ""])
def test_no_program_is_not_the_service_itself(machine: Machine, command: str | None) -> None:
    settings = program_host("")
    if command is None:
        del settings["Program"]
    machine.fresh(hosts={"isp": settings})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "program-failed"}
    assert text_of(told).startswith("the program could not be started: "), text_of(told)


def test_program_that_is_not_there(machine: Machine) -> None:
    machine.fresh(hosts={"isp": program_host(r'"C:\no such\program.exe"')})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "program-failed"}
    assert re.match(r"the program could not be started: .*error [23]\b", text_of(told)), text_of(told)


@pytest.mark.parametrize("order", ["sleep", "child"])
def test_program_ends_with_the_service(machine: Machine, program: Program, order: str) -> None:
    program.order(order)
    machine.fresh(hosts={"isp": program_host(program.quoted)})
    count = 2 if order == "child" else 1
    wait_until(lambda: len(program.calls()) == count, "the program running", PATIENCE)
    assert len(program.processes()) >= count
    assert machine.begin_stop().seconds() < STOP_LIMIT
    wait_until(lambda: not program.processes(), "the program's end", 5)
    assert outcomes(machine.told(), "isp") == {"a.example": "none"}


def test_program_ends_when_its_host_is_disabled(machine: Machine, program: Program) -> None:
    program.order("child")
    machine.fresh(hosts={"isp": program_host(program.quoted)})
    wait_until(lambda: len(program.calls()) == 2, "the program running", PATIENCE)
    machine.follow(hosts={"isp": {"Enabled": 0}})
    wait_until(lambda: not program.processes(), "the program's end", PATIENCE)
    assert not host(machine.status(), "isp")["asking"]


# ---- waking ----


def waking(server: Any, address: str, **more: Value) -> dict[str, Value]:
    return host_at(server, WakeHost=address, **more)


@pytest.mark.parametrize("limit", [1, 60])
def test_a_host_that_answers_ping_is_asked_a_second_later(machine: Machine, serve: Serve, limit: int) -> None:
    server = serve()
    machine.fresh(hosts={"isp": waking(server, "127.0.0.1", WakeSeconds=limit)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "started"}
    assert server.etrns() == ["a.example"]


@pytest.mark.parametrize("address", [UNRESOLVED, "240.0.0.1"])
def test_a_host_that_does_not_answer_ping_is_not_asked(machine: Machine, serve: Serve, address: str) -> None:
    server = serve()
    settings = {"WakeSeconds": 1, "Fallback": [f"127.0.0.1:{server.port}"]}
    machine.fresh({"RetrySeconds": 600}, {"isp": waking(server, address, **settings)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "no-wake"}
    assert text_of(told).startswith(address + ": ")
    assert re.search(r"no such name|unreachable|no reply", text_of(told)), text_of(told)
    assert host(told, "isp")["next_trigger"] == "retry"
    assert server.sessions == []
    assert machine.warnings()[:2] == ["isp", "a.example"]


@pytest.mark.parametrize("address", [UNRESOLVED, "240.0.0.1"])
def test_where_ping_is_not_required_the_host_is_asked_all_the_same(machine: Machine, serve: Serve, address: str) -> None:
    server = serve()
    machine.fresh(hosts={"isp": waking(server, address, WakeSeconds=1, WakeRequired=0)})
    assert outcomes(machine.wait_dequeues(1, PATIENCE), "isp") == {"a.example": "started"}


@pytest.mark.parametrize("address", [UNRESOLVED, "240.0.0.1"])
def test_stop_while_waking(machine: Machine, serve: Serve, address: str) -> None:
    server = serve()
    machine.fresh(hosts={"isp": waking(server, address, WakeSeconds=600)})
    machine.wait_told(lambda told: host(told, "isp")["asking"], timeout=PATIENCE)
    assert machine.begin_stop().seconds() < STOP_LIMIT
    assert outcomes(machine.told(), "isp") == {"a.example": "none"}
    assert server.sessions == []


# ---- a service meanwhile ----


class Companion:
    """A service named Mail that records what happens to it."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.path = copied("companion", folder / "mail.exe")
        reply = machine.run("sc", "create", "Mail", "binPath=", windows_path(self.path), "start=", "demand")
        assert reply.code == 0, reply

    def fresh(self, **beside: bool) -> None:
        """Stops it and clears its records."""
        self.machine.stop()
        self.machine.run("net", "stop", "Mail")
        self.path.with_suffix(".log").unlink(missing_ok=True)
        for extension in ("slow", "slower", "fails"):
            self.path.with_suffix("." + extension).unlink(missing_ok=True)
            if beside.get(extension):
                self.path.with_suffix("." + extension).touch()

    def notes(self) -> list[tuple[str, float]]:
        with contextlib.suppress(FileNotFoundError):
            lines = self.path.with_suffix(".log").read_text().splitlines()
            return [(line.split()[0], float(line.split()[1])) for line in lines]
        return []

    def past(self) -> list[str]:
        return [what for what, _ in self.notes()]

    def wait(self, *past: str) -> None:
        wait_until(lambda: self.past() == list(past), f"the service's past: {past}", PATIENCE)


@pytest.fixture(scope="module")
def companion(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companion]:
    each = Companion(machine, tmp_path_factory.mktemp("companion"))
    yield each
    each.fresh()
    machine.run("sc", "delete", "Mail")


@pytest.mark.parametrize("slow", [False, True])
def test_service_runs_before_etrn_and_is_held_after(machine: Machine, serve: Serve, companion: Companion,
                                                    slow: bool) -> None:
    companion.fresh(slow=slow)
    hold = Hold()
    server = serve(Script(greeting=[hold, "220 mx.example"]))
    machine.fresh(hosts={"isp": host_at(server, RunService="Mail", HoldSeconds=2)})
    hold.wait(PATIENCE)
    assert companion.past() == ["starts", "runs"]  # before the connection was made
    hold.release()
    machine.wait_dequeues(1, PATIENCE)
    released = time.time()
    companion.wait("starts", "runs", "stops")
    assert companion.notes()[-1][1] - released > 1  # it was seen to be over a little later than it was


def test_service_that_ran_before_is_left_running(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh()
    machine.fresh(start=False)
    assert machine.run("net", "start", "Mail").code == 0
    companion.wait("starts", "runs")
    machine.configure(hosts={"isp": host_at(serve(), RunService="Mail", HoldSeconds=0)})
    machine.start()
    machine.wait_dequeues(1, PATIENCE)
    machine.follow({"IntervalMinutes": 3})
    machine.stop()
    assert companion.past() == ["starts", "runs"]


def test_service_is_stopped_with_us(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh()
    machine.fresh(hosts={"isp": host_at(serve(), RunService="Mail", HoldSeconds=3600)})
    machine.wait_dequeues(1, PATIENCE)
    assert companion.past() == ["starts", "runs"]
    assert machine.begin_stop().seconds() < STOP_LIMIT
    companion.wait("starts", "runs", "stops")


def test_stop_while_the_service_starts(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh(slow=True)
    server = serve()
    machine.fresh(hosts={"isp": host_at(server, RunService="Mail")})
    wait_until(lambda: companion.past() == ["starts"], "the service starting", PATIENCE)
    assert machine.begin_stop().seconds() < STOP_LIMIT
    assert server.sessions == []
    assert outcomes(machine.told(), "isp") == {"a.example": "none"}
    companion.wait("starts", "runs", "stops")  # it takes no stop while it starts, so that is waited for


def test_stop_while_a_service_starts_that_takes_its_time(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh(slower=True)
    machine.fresh(hosts={"isp": host_at(serve(), RunService="Mail")})
    wait_until(lambda: companion.past() == ["starts"], "the service starting", PATIENCE)
    assert machine.begin_stop().seconds() < STOP_LIMIT
    companion.wait("starts", "runs")  # nothing could keep it from that any more


def test_service_of_a_host_that_is_disabled_while_it_starts_is_stopped(machine: Machine, serve: Serve,
                                                                       companion: Companion) -> None:
    companion.fresh(slow=True)
    server = serve()
    machine.fresh(hosts={"isp": host_at(server, RunService="Mail", HoldSeconds=0)})
    wait_until(lambda: companion.past() == ["starts"], "the service starting", PATIENCE)
    machine.follow(hosts={"isp": {"Enabled": 0}})
    companion.wait("starts", "runs", "stops")
    machine.follow(hosts={"isp": {"Enabled": 1}})  # and is started anew
    companion.wait("starts", "runs", "stops", "starts", "runs", "stops")
    assert server.etrns() == ["a.example"]


def test_while_a_service_starts_other_hosts_are_asked_and_reported(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh(slower=True)
    server = serve()
    machine.fresh(hosts={"isp": host_at(serve(), RunService="Mail"), "other": host_at(server)})
    told = machine.wait_told(lambda told: outcomes(told, "other") == {"a.example": "started"}, timeout=PATIENCE)
    assert host(told, "isp")["asking"]
    machine.follow({"IntervalMinutes": 3})
    assert host(machine.told(), "isp")["asking"] and companion.past() == ["starts"]
    companion.wait("starts", "runs")


def test_service_of_two_hosts_is_held_for_the_one_that_needs_it_longest(machine: Machine, serve: Serve,
                                                                        companion: Companion) -> None:
    companion.fresh()
    hold = Hold()
    quick, slow = serve(), serve(Script(greeting=[hold, "220 mx.example"]))
    machine.fresh(hosts={"quick": host_at(quick, RunService="Mail", HoldSeconds=3600),
                         "slow": host_at(slow, RunService="mail", HoldSeconds=0)})
    hold.wait(PATIENCE)
    quick.wait_for(lambda s: s.commands("QUIT") and s.open_count() == 0, timeout=PATIENCE)
    hold.release()
    machine.wait_dequeues(1, PATIENCE)
    machine.follow({"IntervalMinutes": 3})
    assert companion.past() == ["starts", "runs"]
    machine.stop()
    companion.wait("starts", "runs", "stops")


def test_service_that_fails_to_start_is_started_once(machine: Machine, serve: Serve, companion: Companion) -> None:
    companion.fresh(slow=True, fails=True)
    server = serve()
    machine.fresh({"RetrySeconds": 600}, {"isp": host_at(server, RunService="Mail")})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "no-service"}
    assert companion.past() == ["starts"]
    assert server.sessions == []


def test_service_that_is_not_there(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RetrySeconds": 600}, {"isp": host_at(server, RunService="NoSuchService"), "other": host_at(server)})
    told = machine.wait_dequeues(1, PATIENCE)
    assert outcomes(told, "isp") == {"a.example": "no-service"}
    assert text_of(told) == "NoSuchService: no such service"
    assert outcomes(told, "other") == {"a.example": "started"}
    assert machine.warnings()[:2] == ["isp", "a.example"]


# ---- a dequeue that ends between two of its sessions ----

def switch_host_off(machine: Machine) -> None:
    machine.follow(hosts={"a": {"Enabled": 0}})


def remove_host(machine: Machine) -> None:
    machine.prefix.reg_delete(PARAMETERS + r"\Hosts\a")


def remove_domains(machine: Machine) -> None:
    machine.follow(hosts={"a": {"Domains": ["one.example"]}})


def switch_all_off(machine: Machine) -> None:
    machine.follow({"AlwaysUseETRN": 0})


def pause(machine: Machine) -> None:
    assert machine.control(PAUSE, PAUSED) == (0, PAUSED)


@pytest.mark.parametrize("end", [switch_host_off, remove_host, remove_domains, switch_all_off, pause])
def test_service_of_a_dequeue_that_ends_while_another_host_has_its_turn_is_stopped(
        machine: Machine, serve: Serve, companion: Companion, end: Callable[[Machine], None]) -> None:
    """The only connection is used by a host that does not reply, so that the dequeue is active with no session open."""
    companion.fresh()
    mute = Hold()
    quick, slow = serve(), serve(Script(greeting=[mute, "220 mx.example"]))
    machine.fresh({"MaxConnections": 1},
                  {"a": host_at(quick, "one.example", "two.example", RunService="Mail", HoldSeconds=0, EtrnsPerConnection=1),
                   "b": host_at(slow)})
    mute.wait(PATIENCE)
    assert quick.etrns() == ["one.example"] and companion.past() == ["starts", "runs"]
    end(machine)
    companion.wait("starts", "runs", "stops")
    mute.release()


@pytest.mark.parametrize("disabled", [False, True])
def test_service_of_a_dequeue_that_was_paused_is_stopped(machine: Machine, serve: Serve, companion: Companion,
                                                         disabled: bool) -> None:
    companion.fresh()
    hold = Hold()
    server = serve(Script(greeting=Each([hold, "220 mx.example"], "220 mx.example")))
    domains = ("one.example", "two.example", "three.example")
    machine.fresh(hosts={"isp": host_at(server, *domains, RunService="Mail", HoldSeconds=0, EtrnsPerConnection=1,
                                        ConnectionsPerHost=1)})
    hold.wait(PATIENCE)
    pause(machine)
    hold.release()
    server.wait_for(lambda s: s.sessions and s.open_count() == 0, timeout=PATIENCE)
    if disabled:
        machine.follow(hosts={"isp": {"Enabled": 0}})
    companion.wait("starts", "runs", "stops")
    machine.control(CONTINUE, RUNNING)
    if disabled:
        machine.follow({"IntervalMinutes": 3})
        assert companion.past() == ["starts", "runs", "stops"] and server.etrns() == []
    else:  # and all is made up for
        companion.wait("starts", "runs", "stops", "starts", "runs", "stops")
        assert server.etrns() == list(domains)
