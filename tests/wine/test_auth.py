"""AUTH: the password is sent only to hosts that may have it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.postfix import Postfix
from lab.scripted import Answer, Ask, Script, ScriptedServer, free_port

from .machine import (PARAMETERS, POLICIES, TOOL_EXE, Machine, Reply, Serve, Value, helper, host_at, nodes, outcomes,
                      reg_text)

DONE, REFUSED, USAGE, NOT_FOUND, NETWORK, INVALID = 0, 1, 2, 3, 4, 7
USER, PASSWORD, OTHER = "tim", "Gr\xfc\xdfe-an-Kx7", "other-zQ9-word"
SECRET_KEY = PARAMETERS + r"\Hosts\holder\Secret"
CHALLENGE = base64.b64encode(b"<1896.697170952@postoffice.example>").decode()
CRAM: Answer = [Ask(f"334 {CHALLENGE}"), "235 in"]
LOGIN: Answer = [Ask("334 VXNlcm5hbWU6"), Ask("334 UGFzc3dvcmQ6"), "235 in"]


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def forms(password: str) -> list[bytes]:
    """The forms in which a password could be found where it must not be."""
    utf8, utf16 = password.encode(), password.encode("utf-16-le")
    plain = b64(f"\0{USER}\0{password}")
    texts = [b64(password), plain, ",".join(f"{octet:02x}" for octet in utf8), ",".join(f"{octet:02x}" for octet in utf16)]
    return [utf8, utf16, *[text.encode() for text in texts], *[text.encode("utf-16-le") for text in texts]]


FORMS = [form for password in (PASSWORD, OTHER) for form in forms(password)]


def tells(data: bytes) -> list[bytes]:
    return [form for form in FORMS if form in data]


@pytest.fixture(scope="module", autouse=True)
def command_lines() -> Iterator[list[str]]:
    """Reads the command lines of all processes repeatedly while these tests run; returns what was found in them."""
    told: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    line = Path(f"/proc/{entry}/cmdline").read_bytes()
                except OSError:
                    continue
                if tells(line):
                    told.append(line.decode("utf-8", "replace"))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield told
    over.set()
    watcher.join()
    assert told == []


def ctl(machine: Machine, *words: str, password: str | bytes | None = None) -> Reply:
    """Runs etrnctl with a line on its standard input, and checks that the output does not contain the password."""
    line = password + "\n" if isinstance(password, str) else password
    result = machine.prefix.run([TOOL_EXE, *words], input=line)
    assert tells((result.stdout + result.stderr).encode()) == []
    return Reply(result.returncode, result.stdout, result.stderr)


def set_password(machine: Machine, password: str = PASSWORD, name: str = "holder") -> None:
    reply = ctl(machine, "config", "set", "Password", "--host", name, password=password)
    assert reply.code == DONE, reply


def offering(mechanisms: str, auth: Answer, **more: Answer) -> Script:
    return Script(ehlo=("250 lab.example", "ETRN", f"AUTH {mechanisms}"), verbs={"AUTH": auth}, **more)


def fresh(machine: Machine, server: ScriptedServer, password: str | None = PASSWORD, **values: Value) -> None:
    """One host, with a user and a password, with all logging enabled."""
    settings = {"User": USER, "AuthInClear": 1, **values}
    machine.fresh({"ProtocolLog": 1, "RetrySeconds": 10}, {"holder": host_at(server, **settings)}, start=False)
    if password is not None:
        set_password(machine, password)
    machine.start()


# What the host gets


@pytest.mark.parametrize("mechanisms, auth, asked, answers", [
    ("LOGIN PLAIN", "235 in", "PLAIN " + b64(f"\0{USER}\0{PASSWORD}"), []),
    ("LOGIN", LOGIN, "LOGIN", [b64(USER), b64(PASSWORD)]),
    ("PLAIN LOGIN CRAM-MD5", CRAM, "CRAM-MD5", [b64(
        USER + " " + hmac.new(PASSWORD.encode(), base64.b64decode(CHALLENGE), hashlib.md5).hexdigest())]),
])
def test_each_mechanism(machine: Machine, serve: Serve, mechanisms: str, auth: Answer, asked: str,
                        answers: list[str]) -> None:
    server = serve(offering(mechanisms, auth))
    fresh(machine, server)
    told = machine.wait_dequeues(1)
    assert outcomes(told, "holder") == {"a.example": "started"}
    assert [command.argument for command in server.commands("AUTH")] == [asked]
    assert server.sessions[0].answers == answers


def test_a_long_password_waits_for_the_challenge(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", [Ask("334 "), "235 in"]))
    user, password = "u" * 200, PASSWORD + "x" * (255 - len(PASSWORD.encode()))
    fresh(machine, server, password, User=user)
    assert outcomes(machine.wait_dequeues(1), "holder") == {"a.example": "started"}
    assert [command.argument for command in server.commands("AUTH")] == ["PLAIN"]
    assert server.sessions[0].answers == [b64(f"\0{user}\0{password}")]


@pytest.fixture(scope="module", params=["PLAIN", "LOGIN", "CRAM-MD5"])
def postfix(request: pytest.FixtureRequest) -> Iterator[Postfix]:
    with Postfix(["customer.example"], free_port(), etrn_restrictions="permit_sasl_authenticated, reject",
                 users={USER: OTHER}, mechanisms=request.param) as server:
        yield server


def test_postfix_lets_the_user_in(machine: Machine, postfix: Postfix) -> None:
    host = {"Host": "127.0.0.1", "Port": postfix.port, "Domains": ["customer.example"], "User": USER, "AuthInClear": 1}
    machine.fresh({"ProtocolLog": 1}, {"holder": host}, start=False)
    set_password(machine, OTHER)
    machine.start()
    assert outcomes(machine.wait_dequeues(1), "holder") == {"customer.example": "started"}
    set_password(machine, PASSWORD)
    reply = ctl(machine, "run", "holder")
    assert reply.code == REFUSED
    assert "535 5.7.8" in reply.out + reply.err and "The host rejected the user name or the password." in reply.out


# What it does not get


@pytest.mark.fault("7.1")
def test_nothing_is_sent_in_clear_unless_that_is_allowed(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN LOGIN CRAM-MD5", "235 in"))
    fresh(machine, server, AuthInClear=0)
    told = machine.wait_dequeues(1)
    facts = nodes(told, "holder")["a.example"]
    assert (facts["outcome"], facts["text"]) == (
        "no-auth", "AUTH is offered only without TLS; the password was not sent")
    assert [command.verb for command in server.commands()] == ["EHLO", "QUIT"]
    assert any("The settings require authentication (User), which failed." in event
               for event in machine.warnings()), machine.events()


def test_a_user_without_password_is_not_tried(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    fresh(machine, server, password=None)
    facts = nodes(machine.wait_dequeues(1), "holder")["a.example"]
    assert facts["outcome"] == "no-auth"
    assert "etrnctl config set Password --host holder" in facts["text"]
    assert server.sessions == []
    set_password(machine)
    assert ctl(machine, "run", "holder").code == DONE
    assert server.etrns() == ["a.example"]


def test_a_password_of_another_computer(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    fresh(machine, server)
    machine.wait_dequeues(1)
    machine.prefix.reg_import_raw(SECRET_KEY, "Password", 3, bytes(range(200)))
    assert ctl(machine, "run", "holder").code != DONE
    facts = nodes(machine.told(), "holder")["a.example"]
    assert facts["outcome"] == "no-auth"
    assert "cannot be decrypted on this computer; set it again" in facts["text"]
    assert len(server.sessions) == 1


def test_group_policy_sets_no_passwords(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    fresh(machine, server)
    machine.wait_dequeues(1)
    blob = machine.prefix.reg_query(SECRET_KEY, "Password").split()[-1]
    ctl(machine, "config", "unset", "Password", "--host", "holder")
    machine.prefix.reg_add(POLICIES + r"\Hosts\holder\Secret", "Password", "REG_BINARY", blob)
    assert ctl(machine, "run", "holder").code != DONE
    assert outcomes(machine.told(), "holder") == {"a.example": "no-auth"}
    assert len(server.sessions) == 1


# What the host answers


@pytest.mark.parametrize("auth, outcome, code, text", [
    pytest.param("535 5.7.8 wrong", "no-auth", 535, "535 5.7.8 wrong", marks=pytest.mark.fault("7.2"), id="535"),
    pytest.param("454 4.7.0 later", "temporary", 454, "454 4.7.0 later", marks=pytest.mark.fault("7.3"), id="454"),
    pytest.param([Ask("334 VXNlcm5hbWU")], "no-auth", None, "the host's challenge is not base64",
                 marks=pytest.mark.fault("7.4"), id="bad base64"),
    pytest.param([Ask("334 \x80\x81 {[!")], "no-auth", None, "the host's challenge is not base64",
                 marks=pytest.mark.fault("7.5"), id="garbage"),
    pytest.param([Ask("334 VXNlcm5hbWU6")] * 4, "no-auth", None, "the host requested more data than the mechanism provides",
                 marks=pytest.mark.fault("7.5"), id="endless"),
])
def test_what_ends_auth(machine: Machine, serve: Serve, auth: Answer, outcome: str, code: int | None, text: str) -> None:
    server = serve(offering("LOGIN", auth))
    fresh(machine, server)
    facts = nodes(machine.wait_dequeues(1), "holder")["a.example"]
    assert (facts["outcome"], facts["code"] or None, facts["text"]) == (outcome, code, text)
    assert server.etrns() == []
    assert server.commands()[-1].verb == "QUIT"


@pytest.mark.fault("7.6")
@pytest.mark.parametrize("echo", [
    "535 user {user} password {password}", "500 unrecognized command: AUTH PLAIN {plain}", "500 AUTH PLAIN {cut}...",
    "535-{password}\r\n535 {encoded}", "{plain}"])
def test_an_echoed_password_is_not_shown(machine: Machine, serve: Serve, echo: str) -> None:
    plain = b64(f"\0{USER}\0{PASSWORD}")
    line = echo.format(user=USER, password=PASSWORD, plain=plain, cut=plain[:20], encoded=b64(PASSWORD))
    server = serve(offering("PLAIN", line))
    fresh(machine, server)
    told = machine.wait_dequeues(1)
    assert outcomes(told, "holder")["a.example"] in ("no-auth", "broken")
    said = json.dumps(told, ensure_ascii=False) + repr(machine.events())
    assert tells(said.encode()) == [] and plain[:20] not in said
    reply = ctl(machine, "test", f"{server.address}:{server.port}", "a.example")
    assert "-> AUTH PLAIN ***" in reply.out and plain[:20] not in reply.out


# The tool


def test_the_password_is_set_seen_to_be_set_and_forgotten(machine: Machine) -> None:
    machine.fresh(hosts={"holder": {"User": USER}}, start=False)
    assert ctl(machine, "config", "get", "Password", "--host", "holder").out == "\n"
    reply = ctl(machine, "config", "set", "Password", "--host", "holder", password=PASSWORD)
    assert (reply.code, reply.out) == (DONE, "Password: was empty, is now set.\n")
    assert reply.err.startswith("etrnctl") is False
    assert ctl(machine, "config", "get", "Password", "--host", "holder").out == "set\n"
    told = json.loads(ctl(machine, "config", "get", "password", "--host", "holder", "--json").out)
    assert [(row["name"], row["value"]) for row in told["settings"]] == [("Password", "set")]
    told = json.loads(ctl(machine, "config", "list", "--host", "holder", "--json").out)
    assert [row["value"] for row in told["settings"] if row["name"] == "Password"] == ["set"]
    assert "Password               set " in ctl(machine, "config", "list", "--host", "holder").out
    reply = ctl(machine, "config", "unset", "Password", "--host", "holder")
    assert (reply.code, reply.out) == (DONE, "Password: was set, is now empty.\n")
    assert machine.prefix.reg_query(SECRET_KEY) == ""
    assert ctl(machine, "config", "unset", "Password", "--host", "holder").code == DONE
    reply = ctl(machine, "config", "set", "Password", password=PASSWORD)
    assert reply.code == NOT_FOUND and "add --host HOST" in reply.err


@pytest.mark.parametrize("line, fault", [
    (b"", "is empty"), (b"\r\n", "is empty"), (b"x" * 256 + b"\n", "is too long"), (b"x" * 10000, "is too long"),
    (b"a\tb\n", "contains a control character"), ("Gr\xfc\xdfe\n".encode("latin-1"), "is not UTF-8"),
    ("pass\n".encode("utf-16-le"), "contains a control character")],
    ids=["nothing", "empty", "256", "10000", "tab", "Latin-1", "UTF-16"])
def test_a_password_that_cannot_be(machine: Machine, line: bytes, fault: str) -> None:
    machine.fresh(hosts={"holder": {"User": USER}}, start=False)
    for words in (("config", "set", "Password", "--host", "holder"), ("add", "holder", "b.example", "--user", USER)):
        reply = ctl(machine, *words, password=line)
        assert reply.code == INVALID
        assert reply.err == (f"etrnctl: the password {fault}; expected: 1 to 255 bytes of UTF-8, on the first line of "
                             "standard input\n")
    assert machine.backups() == []
    assert "Secret" not in machine.prefix.reg_query(PARAMETERS + r"\Hosts\holder")


@pytest.mark.parametrize("line", [PASSWORD.encode() + b"\r\n", PASSWORD.encode(), b"\xef\xbb\xbf" + PASSWORD.encode() + b"\n",
                                  PASSWORD.encode() + b"\nsecond line\n"])
def test_a_line_however_it_ends(machine: Machine, serve: Serve, line: bytes) -> None:
    server = serve(offering("PLAIN", "235 in"))
    reply = ctl(machine, "test", f"{server.address}:{server.port}", "--user", USER, "--auth-in-clear", password=line)
    assert reply.code == DONE
    assert [command.argument for command in server.commands("AUTH")] == ["PLAIN " + b64(f"\0{USER}\0{PASSWORD}")]


@pytest.mark.fault("7.6")
@pytest.mark.parametrize("words", [
    ("add", "holder", "a.example", "--user", USER, "--password", "hunter2"),
    ("add", "holder", "a.example", "--password=hunter2"),
    ("test", "127.0.0.1:1", "--user", USER, "--password", "hunter2"),
    ("config", "set", "Password", "hunter2", "--host", "holder")])
def test_no_password_on_the_command_line(machine: Machine, words: tuple[str, ...]) -> None:
    machine.fresh(hosts={"holder": {"User": USER}}, start=False)
    reply = ctl(machine, *words)
    assert reply.code == USAGE
    assert "a password cannot be given on the command line" in reply.err and "standard input" in reply.err
    assert "hunter2" not in reply.out + reply.err
    assert machine.backups() == []


def test_no_password_for_another_computer(machine: Machine) -> None:
    machine.fresh(hosts={"holder": {"User": USER}}, start=False)
    for words in (("config", "set", "Password", "--host", "holder"), ("add", "holder", "b.example", "--user", USER)):
        reply = ctl(machine, *words, "--computer", socket.gethostname().split(".")[0], password=PASSWORD)
        assert reply.code == USAGE
        assert "a password cannot be stored on a remote computer" in reply.err
    assert machine.backups() == []


def test_add_asks_for_the_users_password(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    machine.fresh()
    name = f"{server.address}"
    reply = ctl(machine, "add", f"{name}:{server.port}", "a.example", "--user", USER, "--tls", "none", password=PASSWORD)
    assert reply.code == DONE, reply
    assert outcomes(machine.wait_dequeues(1), name) == {"a.example": "no-auth"}
    assert ctl(machine, "config", "set", "AuthInClear", "1", "--host", name).code == DONE
    assert ctl(machine, "run", name).code == DONE
    assert [command.argument for command in server.commands("AUTH")] == ["PLAIN " + b64(f"\0{USER}\0{PASSWORD}")]
    assert ctl(machine, "remove", name).code == DONE
    assert "Secret" not in machine.prefix.reg_query(PARAMETERS + "\\Hosts")


def test_a_test_by_hand(machine: Machine, serve: Serve) -> None:
    server = serve(offering("LOGIN", LOGIN))
    fresh(machine, server)
    machine.wait_dequeues(1)
    name = f"{server.address}:{server.port}"
    reply = ctl(machine, "test", name, "a.example")
    assert reply.code == DONE
    assert "-> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n-> ***\n<- 334 UGFzc3dvcmQ6\n-> ***\n<- 235 in\n-> ETRN a.example" in reply.out
    reply = ctl(machine, "test", name, "--user", USER, "--auth-in-clear", "--json", password=PASSWORD)
    assert reply.code == DONE and '"***"' in reply.out
    machine.stop()
    machine.fresh(start=False)
    reply = ctl(machine, "test", name, "a.example", "--user", USER, password=PASSWORD)
    assert reply.code == NETWORK
    assert "-- AUTH is offered only without TLS; the password was not sent" in reply.out
    assert len(server.commands("AUTH")) == 3


def test_doctor_finds_what_would_fail(machine: Machine) -> None:
    host = {"Host": "127.0.0.1", "Domains": ["a.example"], "User": USER}
    machine.fresh(hosts={"holder": host | {"Tls": "none"}}, start=False)
    said = ctl(machine, "doctor").out
    assert "holder has User tim, but no password is stored." in said
    assert "Host holder has User, but Tls is none, so the password is not sent." in said
    set_password(machine)
    ctl(machine, "config", "set", "Tls", "require", "--host", "holder")
    said = ctl(machine, "doctor").out
    assert "password" not in said
    machine.prefix.reg_import_raw(SECRET_KEY, "Password", 3, b"strange")
    said = ctl(machine, "doctor").out
    assert "The password of host holder cannot be decrypted on this computer." in said
    assert "etrnctl config set Password --host holder" in said


# Backups


def asked_with(machine: Machine, server: ScriptedServer) -> str | None:
    """etrnctl test uses the stored password."""
    count = len(server.commands("AUTH"))
    ctl(machine, "test", f"{server.address}:{server.port}")
    asked = [command.argument for command in server.commands("AUTH")[count:]]
    return base64.b64decode(asked[0].split()[1]).decode().split("\0")[2] if asked else None


def test_backups_leave_the_password_out_and_alone(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    fresh(machine, server)
    assert ctl(machine, "backup", r"C:\with.reg").code == DONE
    for file in (machine.prefix.drive_c / "with.reg", *machine.backups()):
        assert "Secret" not in file.read_bytes()[2:].decode("utf-16-le")
    ctl(machine, "config", "set", "Port", "1", "--host", "holder")
    set_password(machine, OTHER)
    assert ctl(machine, "restore", r"C:\with.reg").code == DONE
    assert asked_with(machine, server) == OTHER
    assert ctl(machine, "config", "get", "Port", "--host", "holder").out == f"{server.port}\n"


def test_a_restore_without_the_host_forgets_its_password(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    machine.fresh(start=False)
    assert ctl(machine, "backup", r"C:\without.reg").code == DONE
    fresh(machine, server)
    assert ctl(machine, "restore", r"C:\without.reg").code == DONE
    assert "holder" not in machine.prefix.reg_query(PARAMETERS + r"\Hosts")
    machine.fresh(hosts={"holder": host_at(server, User=USER, AuthInClear=1)}, start=False)
    assert asked_with(machine, server) is None


def test_a_restore_writes_no_password(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    fresh(machine, server)
    long = SECRET_KEY.replace("HKLM", "HKEY_LOCAL_MACHINE", 1)
    text = f'Windows Registry Editor Version 5.00\r\n\r\n[-{long}]\r\n\r\n[{long}]\r\n"Password"=hex:01,02\r\n'
    (machine.prefix.drive_c / "secret.reg").write_bytes(("\ufeff" + text).encode("utf-16-le"))
    assert ctl(machine, "restore", r"C:\secret.reg").code == DONE
    assert asked_with(machine, server) == PASSWORD


# Whole at any instant, and for the service alone


@pytest.mark.fault("12.4")
def test_killed_at_any_instant(machine: Machine, serve: Serve) -> None:
    server = serve(offering("PLAIN", "235 in"))
    machine.fresh(hosts={"holder": host_at(server, User=USER, AuthInClear=1)}, start=False)
    began = time.monotonic()
    set_password(machine)
    took, present, turns = time.monotonic() - began, PASSWORD, 16
    for turn in range(turns):
        wanted = OTHER if present == PASSWORD else PASSWORD
        tool = machine.ctl_popen("config", "set", "Password", "--host", "holder")
        tool.stdin.write(wanted + "\n")
        tool.stdin.flush()
        time.sleep(took * (0.5 + 0.8 * turn / turns))
        tool.kill()
        tool.wait()
        found = asked_with(machine, server)
        assert found in (present, wanted), f"turn {turn}"
        present = found


SERVICE_SID = "S-1-5-80-1426243365-2558868936-284887586-1424137211-1728627022"


@pytest.mark.parametrize("there_before", [False, True])
def test_who_may_read_the_key(machine: Machine, there_before: bool) -> None:
    machine.fresh(hosts={"holder": {"User": USER}}, start=False)
    if there_before:
        machine.prefix.reg_import(reg_text(SECRET_KEY, {"Password": "for all to read"}))
    set_password(machine)
    said = machine.run(str(helper("rights")), "key", SECRET_KEY.removeprefix("HKLM\\"))
    assert said.code == 0
    rights = said.out.strip()
    assert rights.startswith("D:P")
    parts = [part.split(";") for part in rights.removeprefix("D:P").strip("()").split(")(")]
    assert {part[5]: part[0] for part in parts} == {"SY": "A", "BA": "A", SERVICE_SID: "A"}
    assert [part[2] for part in parts if part[5] == SERVICE_SID] == ["KR"]


@pytest.mark.fault("7.6")
def test_nothing_holds_the_password(machine: Machine, serve: Serve) -> None:
    """Runs last: searches everything that the tests before it have left, after a check that it finds the password
    where it is."""
    server = serve(offering("PLAIN", f"535 {PASSWORD}"))
    fresh(machine, server)
    machine.wait_dequeues(1)
    machine.stop()
    log = "".join(path.read_text() for path in machine.status_file.parent.glob("log/*"))
    assert "AUTH PLAIN ***" in log and "535 ***" in log
    canary = machine.prefix.drive_c / "canary.txt"
    canary.write_text(b64(PASSWORD))
    machine.prefix.kill()  # the registry is on disk
    found = {}
    for folder, folders, files in os.walk(machine.prefix.path):
        inside = Path(folder).relative_to(machine.prefix.path).parts
        if inside[:2] == ("drive_c", "windows") and inside[2:3] in (("system32",), ("winsxs",)):  # Wine's own
            folders.clear()
            continue
        for path in (Path(folder) / name for name in files):
            if path.is_file() and not path.is_symlink() and (told := tells(path.read_bytes())):
                found[path] = told
    canary.unlink()
    assert list(found) == [canary]
