"""etrnctl discover and add --from-mx: the hosts that hold a domain's mail, found by a name server of our own."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.dns import Failure, Late, NameServer
from lab.postfix import Postfix
from lab.ports import own_network
from lab.scripted import Close, Script, ScriptedServer, Silence, free_port

from .compare import compare
from .machine import PARAMETERS, Machine, Raw, Serve
from .test_readme import documented, names

NETWORK = own_network()
SHOWN = {f"{NETWORK}.": "127.0.1."}  # what golden files have in its place
FIRST, SECOND, LACKING, REFUSING, CLOSED, POSTFIX, SILENT, ISP, HOSTER, NAME_SERVER = (f"{NETWORK}.{n}" for n in range(1, 11))
EVIL = "evil\x1b[31m;calc.example"

ZONE = {
    "first.isp.example": [("A", FIRST)],
    "second.isp.example": [("A", SECOND)],
    "third.isp.example": [("A", SECOND)],
    "lacking.isp.example": [("A", LACKING)],
    "refusing.isp.example": [("A", REFUSING)],
    "closed.isp.example": [("A", CLOSED)],
    "postfix.isp.example": [("A", POSTFIX)],
    "silent.isp.example": [("A", SILENT)],
    "broken.isp.example": Failure.SERVFAIL,
    "mail.isp.example": [("A", ISP)],
    "mx.hoster.example": [("A", HOSTER)],
    "mail.example.com": [("A", "127.0.0.1")],
    "example.com": [("MX", 5, "mail.example.com"), ("MX", 10, "mail.isp.example"), ("MX", 20, "mx.hoster.example")],
    "example.net": [("MX", 5, "mail.example.com"), ("MX", 10, "mail.isp.example")],
    "here.example": [("A", "127.0.0.1")],
    "mixed.example": [("MX", 40, "closed.isp.example"), ("MX", 20, "second.isp.example"), ("MX", 10, "first.isp.example"),
                      ("MX", 5, "here.example"), ("MX", 30, "lacking.isp.example"), ("MX", 30, "refusing.isp.example"),
                      ("MX", 50, "gone.isp.example"), ("MX", 50, EVIL)],
    "equal.example": [("MX", 10, "third.isp.example"), ("MX", 10, "second.isp.example"), ("MX", 10, "first.isp.example")],
    "also.example": [("MX", 1, "first.isp.example"), ("MX", 2, "second.isp.example")],
    "behind.example": [("MX", 1, "second.isp.example"), ("MX", 2, "first.isp.example")],
    "one.example": [("MX", 10, "postfix.isp.example")],
    "xn--bcher-kva.example": [("MX", 10, "first.isp.example")],
    "null.example": [("MX", 0, ".")],
    "first.example": [("A", FIRST)],  # no MX record
    "bare.example": [],
    "ours.example": [("MX", 10, "here.example")],
    "lacks.example": [("MX", 10, "lacking.isp.example")],
    "closed.example": [("MX", 10, "closed.isp.example")],
    "half.example": [("MX", 10, "closed.isp.example"), ("MX", 20, "lacking.isp.example")],
    "unresolved.example": [("MX", 10, "broken.isp.example")],
    "stuck.example": [("MX", 10, "silent.isp.example")],
    "servfail.example": Failure.SERVFAIL,
    "refused.example": Failure.REFUSED,
    "silent.example": Failure.SILENCE,
}


class Resolver:
    """/etc/resolv.conf as these tests see it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wait(1)

    def wait(self, seconds: int) -> None:
        """How long it waits for a name server before it gives up."""
        self.path.write_text(f"nameserver {NAME_SERVER}\noptions timeout:{seconds} attempts:1\n")


@pytest.fixture(scope="module")
def resolver(extra_hosts: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolver]:
    if not extra_hosts:
        pytest.skip("no mounts of our own are allowed here")
    each = Resolver(tmp_path_factory.mktemp("etc") / "resolv.conf")
    subprocess.run(["mount", "--bind", str(each.path), "/etc/resolv.conf"], check=True)
    yield each
    subprocess.run(["umount", "/etc/resolv.conf"], check=True)


@pytest.fixture(scope="module")
def dns(resolver: Resolver) -> Iterator[NameServer]:
    with NameServer(NAME_SERVER, ZONE) as server:
        yield server


@pytest.fixture
def hosts(serve: Serve, dns: NameServer) -> ScriptedServer:
    """Those that answer on port 25: FIRST and SECOND offer ETRN."""
    return serve({FIRST: Script(), SECOND: Script(ehlo=("250 second", "SIZE", "etrn")),
                  LACKING: Script(ehlo=("250 lacking", "SIZE", "XETRN")),
                  REFUSING: Script(greeting="554 5.7.1 go away")},
                 addresses=[FIRST, SECOND, LACKING, REFUSING], port=25)


def discover(machine: Machine, *words: str) -> tuple[int, dict]:
    reply = machine.ctl("discover", "--json", *words)
    assert reply.err == ""
    return reply.code, json.loads(reply.out)


def found(told: dict, place: int = 0) -> list[tuple[int | None, str, str]]:
    return [(host["preference"], host["host"], host["etrn"]) for host in told["domains"][place]["hosts"]]


def test_what_a_person_sees(machine: Machine, hosts: ScriptedServer) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    compare(machine, "discover", SHOWN)
    assert {command.verb for command in hosts.commands()} == {"EHLO", "QUIT"}


def test_the_sessions_in_the_readmes(machine: Machine, serve: Serve, dns: NameServer) -> None:
    """Those that tests/readme.py copies into the READMEs: a host that answers as Postfix does, and one without ETRN."""
    postfix = Script(greeting="220 mail.isp.example ESMTP Postfix",
                     ehlo=("250 mail.isp.example", "PIPELINING", "SIZE 10240000", "ETRN", "8BITMIME"),
                     etrn={"example.com": "250 Queuing started", "*": "459 <example.net>: service unavailable"})
    serve({ISP: postfix, HOSTER: Script(ehlo=("250 mx.hoster.example", "SIZE"))}, addresses=[ISP, HOSTER], port=25)
    machine.fresh({"AlwaysUseETRN": 0})
    compare(machine, "readme", SHOWN)
    time.sleep(2)  # "2 seconds ago", up to 9
    compare(machine, "readme-status")


def test_all_hosts_in_their_order(machine: Machine, hosts: ScriptedServer) -> None:
    code, told = discover(machine, "mixed.example")
    assert code == 0
    assert told["schema"] == 1
    assert told["domains"][0]["domain"] == "mixed.example"
    assert (told["domains"][0]["found"], told["domains"][0]["problem"]) == ("mx", None)
    assert found(told) == [
        (5, "here.example", "this-computer"), (10, "first.isp.example", "offered"),
        (20, "second.isp.example", "offered"), (30, "lacking.isp.example", "not-offered"),
        (30, "refusing.isp.example", "not-offered"), (40, "closed.isp.example", "unreachable"),
        (50, EVIL, "unreachable"), (50, "gone.isp.example", "unreachable")]
    text = {host["host"]: host["text"] for host in told["domains"][0]["hosts"]}
    assert text["closed.isp.example"] == f"{CLOSED} port 25: connection refused"
    assert text["gone.isp.example"] == "no such name in DNS"
    assert text[EVIL] == "not a valid host name"
    assert text["refusing.isp.example"] == "554 5.7.1 go away"
    assert told["commands"] == ["etrnctl add first.isp.example mixed.example --fallback second.isp.example"]
    assert len(hosts.sessions) == 4
    assert names(told) == documented("fields etrnctl discover --json")


def test_equal_preferences_are_in_the_order_of_names(machine: Machine, hosts: ScriptedServer) -> None:
    code, told = discover(machine, "equal.example")
    assert (code, [host for _, host, _ in found(told)]) == (
        0, ["first.isp.example", "second.isp.example", "third.isp.example"])
    assert told["commands"] == [
        "etrnctl add first.isp.example equal.example --fallback second.isp.example --fallback third.isp.example"]


def test_several_domains(machine: Machine, hosts: ScriptedServer) -> None:
    code, told = discover(machine, "also.example", "behind.example", "@MIXED.example", "null.example")
    assert code == 3
    assert len([session for session in hosts.sessions if session.address == FIRST]) == 1  # one host is asked once
    assert told["commands"] == [
        'etrnctl add first.isp.example also.example "@MIXED.example" --fallback second.isp.example',
        "etrnctl add second.isp.example behind.example --fallback first.isp.example"]
    # A fallback is one of every domain's: the first host is alone with this one.
    assert discover(machine, "also.example", "bücher.example")[1]["commands"] == [
        "etrnctl add first.isp.example also.example xn--bcher-kva.example"]


@pytest.mark.parametrize("domain, code, finding, problem", [
    ("null.example", 3, "null-mx", "accepts no mail, as its MX record states (RFC 7505)"),
    ("bare.example", 3, "nothing", "has neither an MX record nor an address in DNS"),
    ("gone.example", 3, "nothing", "has neither an MX record nor an address in DNS"),
    ("ours.example", 3, "mx", "has no MX host other than this computer"),
    ("lacks.example", 1, "mx", "has no MX host that offers ETRN"),
    ("closed.example", 4, "mx", "has no MX host that can be reached and offers ETRN"),
    ("half.example", 4, "mx", "has no MX host that can be reached and offers ETRN"),
    ("unresolved.example", 4, "mx", "has no MX host that can be reached and offers ETRN"),
    ("servfail.example", 4, "dns-failure", "could not be looked up in DNS: the name server failed"),
    ("refused.example", 4, "dns-failure", "could not be looked up in DNS: the name server failed"),
    ("silent.example", 4, "dns-failure", "could not be looked up in DNS: the name server failed"),
])
def test_no_host_is_found(machine: Machine, hosts: ScriptedServer, domain: str, code: int, finding: str,
                          problem: str) -> None:
    got, told = discover(machine, domain)
    [one] = told["domains"]
    assert (got, one["found"], one["problem"], told["commands"]) == (code, finding, problem, [])


def test_without_mx_records_the_domain_itself_counts(machine: Machine, hosts: ScriptedServer) -> None:
    code, told = discover(machine, "first.example")
    assert (code, told["domains"][0]["found"]) == (0, "address")
    assert found(told) == [(None, "first.example", "offered")]
    assert told["commands"] == ["etrnctl add first.example first.example"]


def test_waiting_for_a_silent_name_server_ends_at_the_timeout(machine: Machine, resolver: Resolver,
                                                              dns: NameServer) -> None:
    resolver.wait(20)
    try:
        began = time.monotonic()
        code, told = discover(machine, "silent.example", "--timeout", "1")
        assert time.monotonic() - began < 10
    finally:
        resolver.wait(1)
    assert (code, told["domains"][0]["problem"]) == (4, "could not be looked up in DNS: no reply in time")


@pytest.mark.parametrize("script, text", [
    (Script(greeting=Silence()), "no greeting in 1 s"),
    (Script(greeting=Close()), "the host closed the connection"),
    (Script(greeting="421 4.3.2 busy"), "421 4.3.2 busy"),
])
def test_hosts_that_cannot_be_asked(machine: Machine, serve: Serve, dns: NameServer, script: Script, text: str) -> None:
    serve(script, addresses=[SILENT], port=25)
    code, told = discover(machine, "stuck.example", "--timeout", "1")
    [host] = told["domains"][0]["hosts"]
    assert (code, host["etrn"], host["text"]) == (4, "unreachable", text)


def test_another_port_and_hosts_left_out(machine: Machine, serve: Serve, dns: NameServer) -> None:
    server = serve(Script(), addresses=[FIRST, SECOND])
    code, told = discover(machine, "equal.example", "--port", str(server.port), "--except", "FIRST.isp.example")
    assert (code, found(told)[0]) == (0, (10, "first.isp.example", "left-out"))
    assert told["commands"] == [f"etrnctl add second.isp.example:{server.port} equal.example "
                                f"--fallback third.isp.example:{server.port}"]
    code, told = discover(machine, "equal.example", *["--except=" + host for _, host, _ in found(told)])
    assert (code, told["commands"]) == (3, [])


def test_a_real_postfix_is_found_and_added(machine: Machine, dns: NameServer) -> None:
    machine.fresh(start=False)
    with Postfix(["one.example"], free_port(), also_at=f"{POSTFIX}:25"):
        code, told = discover(machine, "one.example")
        assert (code, found(told)) == (0, [(10, "postfix.isp.example", "offered")])
        reply = machine.ctl("add", "--from-mx", "one.example", "--interval", "5")
        assert (reply.code, reply.err) == (0, "")
        assert reply.out == "postfix.isp.example, port 25, will be asked for:\n  one.example\n"
        reply = machine.ctl("test", "postfix.isp.example", "one.example")
        assert reply.code == 0, reply.out
    assert "0x5" in machine.prefix.reg_query(PARAMETERS + r"\Hosts\postfix.isp.example", "IntervalMinutes")
    assert len(machine.backups()) == 1


def test_from_mx_adds_each_group_with_its_fallback(machine: Machine, hosts: ScriptedServer) -> None:
    machine.fresh(start=False)
    reply = machine.ctl("add", "--from-mx", "equal.example", "@equal.example", "--fallback", "last.example:26")
    assert reply.code == 0, reply.err
    values = machine.prefix.reg_query(PARAMETERS + r"\Hosts\first.isp.example")
    assert r"REG_MULTI_SZ    equal.example\0@equal.example" in values
    assert r"REG_MULTI_SZ    second.isp.example\0third.isp.example\0last.example:26" in values
    assert machine.ctl("add", "--from-mx", "also.example", "bücher.example").code == 0
    values = machine.prefix.reg_query(PARAMETERS + r"\Hosts\first.isp.example")
    assert r"equal.example\0@equal.example\0also.example\0xn--bcher-kva.example" in values


def test_from_mx_adds_nothing_when_a_domain_has_no_host(machine: Machine, hosts: ScriptedServer) -> None:
    machine.fresh(start=False)
    reply = machine.ctl("add", "--from-mx", "also.example", "null.example", "lacks.example")
    assert (reply.code, reply.out) == (3, "")
    assert reply.err == ("etrnctl: null.example accepts no mail, as its MX record states (RFC 7505)\n"
                         "etrnctl: lacks.example has no MX host that offers ETRN\n"
                         "Nothing was added. To see the hosts' replies: etrnctl discover DOMAIN\n")
    assert "Hosts" not in machine.prefix.reg_query(PARAMETERS)
    assert machine.backups() == []


@pytest.mark.parametrize("words, code, error", [
    (["discover"], 2, "DOMAIN... is required"),
    (["discover", "#queue"], 7, '"#queue" is a queue name, which has no MX records; expected a domain or @domain'),
    (["discover", "a b"], 7, '"a b" has a character that is not allowed in a domain; expected a domain or @domain'),
    (["discover", "a.example", "--timeout", "0"], 7, '--timeout: "0" is not a number from 1 to 600'),
    (["add", "--from-mx"], 2, "--from-mx requires DOMAIN..."),
    (["add", "--from-mx", "a.example", "--computer", socket.gethostname().split(".")[0]], 2,
     "--from-mx cannot be used with --computer: it looks up hosts from this computer only"),
    (["add", "isp.example", "a.example", "--except", "b.example"], 2, "--except can only be used with --from-mx"),
])
def test_bad_input(machine: Machine, words: list[str], code: int, error: str) -> None:
    reply = machine.ctl(*words)
    assert (reply.code, reply.err.splitlines()[0]) == (code, f"etrnctl: {error}")


def test_many_hosts_are_one_change(machine: Machine, serve: Serve, dns: NameServer) -> None:
    many = {f"{n}.many.example": [("MX", 1, f"mx{n}.many.example")] for n in range(22)}
    dns.zone |= many | {f"mx{n}.many.example": [("A", FIRST)] for n in range(22)}
    serve(Script(), addresses=[FIRST], port=25)
    machine.fresh({"IntervalMinutes": 77}, start=False)
    reply = machine.ctl("add", "--from-mx", *many)
    assert reply.code == 0, reply
    [backup] = machine.backups()  # of the state before the command
    assert "Hosts" not in backup.read_text("utf-16")
    assert '"IntervalMinutes"=dword:0000004d' in backup.read_text("utf-16")


# doctor


def test_doctor_looks_all_names_up_at_once(machine: Machine, resolver: Resolver, dns: NameServer) -> None:
    names = [f"late{n}.example" for n in range(6)]
    dns.zone |= {name: Late(1.5, [("A", FIRST)]) for name in names}
    machine.fresh({}, {name: {"Domains": ["a.example"]} for name in [*names, "gone.example"]}, start=False)
    resolver.wait(5)
    began = time.monotonic()
    reply = machine.ctl("doctor", "--json")
    took = time.monotonic() - began
    resolver.wait(1)
    assert [each["problem"] for each in json.loads(reply.out)["problems"] if "example" in each["problem"]] == [
        "gone.example: no such name in DNS"]
    assert {name for name, _ in dns.asked} >= {*names}
    assert took < 6 * 1.5, "one after the other"


def test_doctor_does_not_look_up_what_a_program_asks(machine: Machine, dns: NameServer) -> None:
    command = Raw(2, '"C:\\fetch.exe"\0'.encode("utf-16-le"))
    program = {"Method": "program", "Program": command, "Domains": ["a.example"]}
    machine.fresh({}, {"nowhere.example": program}, start=False)
    reply = machine.ctl("doctor", "--json")
    assert "nowhere.example" not in reply.out
    assert "nowhere.example" not in {name for name, _ in dns.asked}
