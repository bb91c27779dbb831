"""The laboratory itself: what the other tests lean on is tried here first."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .ports import EPHEMERAL, LOWEST
from .postfix import Postfix, SmtpSink
from .scripted import (Answer, Close, Delay, Drip, Each, Inject, Raw, Reply, Reset, Script, ScriptedServer, Silence, Split,
                       free_port, loopback)
from .wine import WinePrefix, environment

DOMAIN = "customer.example"
TESTS = Path(__file__).resolve().parents[1]
MANY_PORTS = """
import resource
from lab.ports import free_port
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
print(*[free_port() for _ in range(min(most - 100, 9999))])
"""


def connect(server: ScriptedServer, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((address, server.port), timeout=5)


def lines(client: socket.socket, count: int) -> list[bytes]:
    with client.makefile("rb") as stream:
        return [stream.readline() for _ in range(count)]


def answer_to(etrn: Answer) -> bytes:
    """All that a server with this answer to ETRN sends for one ETRN, up to the end of the connection."""
    with ScriptedServer(Script(etrn=etrn)) as server, connect(server) as client:
        lines(client, 1)
        client.sendall(b"ETRN a.example\r\n")
        received = b""
        while data := client.recv(4096):
            received += data
        return received


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (["250 OK", Close()], b"250 OK\r\n"),
        ([Raw(b"250 bare\n"), Close()], b"250 bare\n"),
        ([Reply("250 OK"), Inject(b"250 forged\r\n"), Close()], b"250 OK\r\n250 forged\r\n"),
        ([Drip(b"251 x\r\n", 0.001), Close()], b"251 x\r\n"),
        ([Split(b"250 OK\r\n", (3, 7)), Close()], b"250 OK\r\n"),
        ({DOMAIN: "459 no", "*": ["458 busy", Close()]}, b"458 busy\r\n"),
    ],
)
def test_an_answer_is_sent_as_written(answer: Answer, expected: bytes) -> None:
    assert answer_to(answer) == expected


def test_an_injected_reply_shares_the_segment_and_quit_closes() -> None:
    with ScriptedServer(Script(etrn=[Reply("250 OK"), Inject(b"250 forged\r\n")])) as server, connect(server) as client:
        lines(client, 1)
        client.sendall(b"ETRN a\r\n")
        lines(client, 2)
        client.sendall(b"QUIT\r\n")
        assert lines(client, 2) == [b"221 Bye\r\n", b""]
        assert server.sessions[0].sent[1].data == b"250 OK\r\n250 forged\r\n"
        assert server.violations() == []


def test_a_whole_conversation_and_its_record() -> None:
    script = Script(ehlo=["250 lab.example", "SIZE 1000", "ETRN"], etrn=Each("458 busy", "250 OK"), verbs={"NOOP": "250 noop"})
    with ScriptedServer(script) as server:
        client = smtplib.SMTP(server.address, server.port)
        assert client.ehlo("me.example") == (250, b"lab.example\nSIZE 1000\nETRN")
        assert [client.docmd("ETRN", node)[0] for node in ("@a.example", "#b", "c")] == [458, 250, 250]
        assert client.docmd("noop") == (250, b"noop")
        assert client.docmd("TURN")[0] == 500
        client.quit()
        server.wait_for(lambda s: s.open_count() == 0)
        assert server.etrns() == ["@a.example", "#b", "c"]
        assert [command.verb for command in server.commands()] == ["EHLO", "ETRN", "ETRN", "ETRN", "NOOP", "TURN", "QUIT"]
        assert server.violations() == []
        assert server.max_open == 1


def test_reset_is_a_reset_and_silence_is_silent() -> None:
    with ScriptedServer(Script(etrn=Each([Reset()], [Silence()]))) as server:
        for expected in (ConnectionResetError, TimeoutError):
            with connect(server) as client:
                lines(client, 1)
                client.sendall(b"ETRN a\r\nQUIT\r\n")
                client.settimeout(0.2)
                with pytest.raises(expected):
                    client.recv(1)
        server.wait_for(lambda s: s.open_count() == 0)


@pytest.mark.parametrize(
    ("sent", "violation"),
    [
        (b"EHLO a\r\nETRN b\r\n", "not waiting for its reply"),
        (b"EHLO a\n", "not ended by CRLF"),
        (b"ETRN a\x1b[2J\r\n", "control or 8-bit"),
        ("ETRN \u00e4\r\n".encode(), "control or 8-bit"),
        (b"ETRN " + b"a" * 506 + b"\r\n", "513 bytes in a line"),
        (b"ETRN", "ended within a line"),
    ],
)
def test_a_violation_is_noted(sent: bytes, violation: str) -> None:
    with ScriptedServer() as server, connect(server) as client:
        lines(client, 1)
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        server.wait_for(lambda s: s.violations() != [])
        assert violation in server.violations()[0]


def test_a_client_that_speaks_before_the_greeting_is_noted_and_one_that_waits_is_not() -> None:
    slow = Script(greeting=[Raw(b"220-one\r\n"), Delay(0.2), Raw(b"220 two\r\n"), Delay(0.2)], ehlo="250 lab.example")
    with ScriptedServer(slow) as server, connect(server) as patient, connect(server) as hasty:
        assert lines(hasty, 1) == [b"220-one\r\n"]
        hasty.sendall(b"EHLO hasty\r\n")
        assert lines(patient, 2)[1] == b"220 two\r\n"
        patient.sendall(b"EHLO patient\r\n")
        server.wait_for(lambda s: len(s.commands("EHLO")) == 2)
        assert [len(session.violations) for session in server.sessions] == [0, 1]
        assert "before the reply to greeting" in server.violations()[0]


def test_many_addresses_each_with_its_script_and_its_delay() -> None:
    addresses = loopback(200)
    scripts = {address: Script(greeting=f"220 {address}", delay=0.1) for address in addresses}
    with ScriptedServer(scripts, addresses) as server:
        clients = [connect(server, address) for address in addresses for _ in range(5)]
        begun = time.monotonic()
        clients.append(connect(server, addresses[-1]))
        assert lines(clients[-1], 1) == [b"220 127.0.0.200\r\n"]
        assert time.monotonic() - begun >= 0.1
        server.wait_for(lambda s: s.open_count() == 1001)
        assert server.max_open == 1001
        for client in clients:
            client.close()


def test_behaviour_by_connection_and_changed_at_run_time() -> None:
    with ScriptedServer(lambda address, n: Script(greeting=f"220 {n}")) as server:
        with connect(server) as first, connect(server) as second:
            assert lines(first, 1) + lines(second, 1) == [b"220 1\r\n", b"220 2\r\n"]
        server.set_script(Script(greeting="421 changed"))
        with connect(server) as third:
            assert lines(third, 1) == [b"421 changed\r\n"]


def test_a_script_that_fails_says_so() -> None:
    with ScriptedServer(Script(etrn={"a": "250 OK"})) as server, connect(server) as client:
        lines(client, 1)
        client.sendall(b"ETRN b\r\n")
        assert client.recv(1) == b""
        assert "the script failed" in server.violations()[0]


def test_waiting_in_vain_shows_the_record() -> None:
    with ScriptedServer() as server, connect(server) as client:
        lines(client, 1)
        with pytest.raises(TimeoutError, match="220 lab.example"):
            server.wait_for(1, timeout=0.1)


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix([DOMAIN], free_port(), other_domains=["elsewhere.example"]) as server:
        yield server


def test_etrn_makes_waiting_mail_arrive(postfix: Postfix) -> None:
    postfix.enqueue(f"user@{DOMAIN}", body="the message\n")
    postfix.wait_deferred(DOMAIN)
    assert postfix.queue_count() == 1
    with SmtpSink(postfix.target_port) as sink, smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.ehlo()
        assert client.docmd("ETRN", "elsewhere.example")[0] == 459
        assert sink.count() == 0
        assert client.docmd("ETRN", DOMAIN) == (250, b"Queuing started")
        sink.wait_for(1)
        postfix.wait_for_queue(0)  # while the sink runs: it has counted the message before it answers
    assert "status=sent" in postfix.log()


def test_postfix_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(PermissionError, match="user postfix may not enter"):
        Postfix([DOMAIN], 1, directory=tmp_path / "postfix").start()
    broken = Postfix([DOMAIN], 1, settings={"inet_protocols": "nonsense"})
    with pytest.raises(TimeoutError, match="the program ended"):
        broken.start()
    assert broken.directory is None


def test_sink_keeps_messages_and_starts_again() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        sink = SmtpSink(directory=Path(directory) / "mail")
        for text in ("first", "second"):
            with sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
                client.sendmail("a@lab.example", ["b@lab.example"], f"Subject: x\r\n\r\n{text}\r\n")
                sink.wait_for(1)
        assert sorted(re.findall("first|second", "".join(sink.messages()))) == ["first", "second"]


def test_a_free_port_is_nobodys_and_stays_so() -> None:
    first, _ = map(int, EPHEMERAL.read_text().split())
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert all(LOWEST <= port < max(first, LOWEST + 1000) or first < LOWEST + 1000 for port in ports)
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    assert not set(ports) & set(map(int, subprocess.run([sys.executable, "-c", MANY_PORTS], cwd=TESTS, text=True,
                                                        stdout=subprocess.PIPE, check=True).stdout.split()))
    with ScriptedServer(port=ports[0]):  # but a server can listen there
        socket.create_connection(("127.0.0.1", ports[0])).close()


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinePrefix]:
    with WinePrefix(tmp_path_factory.mktemp("lab") / "wine") as prefix:
        yield prefix


def test_wine_runs_programs(wine: WinePrefix) -> None:
    result = wine.run(["cmd", "/c", "set /p line= & call echo got %line%& exit 3"], input="hello\r\n")
    assert (result.returncode, result.stdout.strip()) == (3, "got hello")


@pytest.mark.parametrize("program, failures, code", [
    ("reg", 1, 0), ("reg", 4, 0), ("reg", 5, 1), (r"C:\x\etrnctl.exe", 1, 0), ("other.exe", 1, 1)])
def test_a_program_that_wine_did_not_start_is_started_again(wine: WinePrefix, tmp_path: Path, program: str, failures: int,
                                                            code: int) -> None:
    """As Wine does it sometimes: exit code 1, and not a word. Only for programs that would say why they fail."""
    wine.start()
    stand_in = tmp_path / "wine"
    stand_in.write_text(f"#!/bin/sh\necho >>{tmp_path}/starts\n[ $(wc -l <{tmp_path}/starts) -gt {failures} ] || exit 1\n"
                        "echo done\n")
    stand_in.chmod(0o755)
    result = wine.run([program, "query"], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (result.returncode, result.stdout) == (code, "" if code else "done\n")


def test_a_program_that_fails_with_a_word_is_not_started_again(wine: WinePrefix, tmp_path: Path) -> None:
    stand_in = tmp_path / "wine"
    stand_in.write_text(f"#!/bin/sh\necho >>{tmp_path}/starts\necho no such key >&2\nexit 1\n")
    stand_in.chmod(0o755)
    assert wine.run(["reg", "query"], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}).stderr == "no such key\n"
    assert (tmp_path / "starts").read_text() == "\n"


def test_wine_services_run_in_a_copied_prefix_and_outlive_the_programs(wine: WinePrefix) -> None:
    assert wine.run(["net", "start", "spooler"]).returncode == 0
    with pytest.raises(subprocess.TimeoutExpired):  # the machine does not go off
        subprocess.run(["wineserver", "-w"], env=environment(wine.path), timeout=2)
    assert "RUNNING" in wine.run(["sc", "query", "spooler"]).stdout


def test_wine_registry_takes_right_and_wrong_values(wine: WinePrefix) -> None:
    key = r"HKLM\SOFTWARE\Lab"
    wine.reg_add(key, "Number", "REG_DWORD", 5)
    wine.reg_import_raw(key, "Wrong", 4, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    assert "0x5" in wine.reg_query(key, "Number")
    wine.reg_delete(key, "Number")
    assert wine.reg_query(key, "Number") == ""
    wine.kill()  # the registry is written to disk
    assert '"Wrong"=hex(4):01,00,00,00,00,00,00,00' in (wine.path / "system.reg").read_text(errors="replace")


def test_wine_leaves_nothing_in_tmp(tmp_path: Path) -> None:
    with WinePrefix(tmp_path / "wine") as prefix:
        prefix.start()
        directory = Path("/tmp", (prefix.path / "wineserver").read_text().strip())
        assert directory.is_dir()
    assert not directory.exists()


def test_tidy_ends_what_was_started_and_removes_the_directories(tmp_path: Path) -> None:
    work = tmp_path / "work"
    program = f"""
import subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from lab.tidy import run_tidily

def make():
    Path({str(work)!r}).mkdir()
    return [Path({str(work)!r})]

def work(directory):
    daemon = subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True)
    print(daemon.stdout.strip())
    time.sleep(1000)

sys.exit(run_tidily(make, work))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        daemon = Path("/proc", process.stdout.readline().strip())
        assert daemon.exists() and work.exists()
        process.terminate()
        assert "SIGTERM" in process.stdout.read()
        assert process.wait(10) == 128 + signal.SIGTERM
    assert not daemon.exists() and not work.exists()
