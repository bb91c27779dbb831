"""11. Registry: every setting with every kind of wrong value; keys that are deleted while they are watched; very many
writes."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import readme

from lab.scripted import Script, ScriptedServer, loopback
from wine.machine import (PARAMETERS, RUNNING, Hold, Machine, Raw, Serve, host, host_at, reg_text, servers,
                          wait_until)

NONE, SZ, BINARY, DWORD, MULTI_SZ, QWORD = 0, 1, 3, 4, 7, 11
PATIENCE = 180.0  # seconds, for ten thousand hosts on a busy machine


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


# Wrong for a value of that type: the clause, and what is found instead.
WRONG = {
    "REG_DWORD": {
        "SZ": ("11.1", Raw(SZ, utf16("1\0"))), "MULTI_SZ": ("11.1", Raw(MULTI_SZ, utf16("1\0\0"))),
        "BINARY": ("11.1", Raw(BINARY, struct.pack("<I", 1))), "QWORD": ("11.1", Raw(QWORD, struct.pack("<Q", 1))),
        "NONE": ("11.1", Raw(NONE, b"")), "big-endian": ("11.1", Raw(5, struct.pack(">I", 1))),
        "0-octets": ("11.2", Raw(DWORD, b"")), "1-octet": ("11.2", Raw(DWORD, b"\1")),
        "3-octets": ("11.2", Raw(DWORD, bytes(3))), "5-octets": ("11.2", Raw(DWORD, bytes(5))),
        "8-octets": ("11.2", Raw(DWORD, bytes(8))), "0xFFFFFFFF": ("10.6", Raw(DWORD, b"\xff" * 4)),
    },
    "REG_SZ": {
        "DWORD": ("11.1", Raw(DWORD, struct.pack("<I", 1))), "MULTI_SZ": ("11.1", Raw(MULTI_SZ, utf16("x\0\0"))),
        "BINARY": ("11.1", Raw(BINARY, utf16("x\0"))), "NONE": ("11.1", Raw(NONE, b"x")),
        "control": ("11.1", Raw(SZ, utf16("a\x1b[2Jb\0"))), "line-end": ("11.1", Raw(SZ, utf16("a\r\nQUIT\0"))),
    },
    "REG_MULTI_SZ": {
        "DWORD": ("11.1", Raw(DWORD, struct.pack("<I", 1))), "SZ": ("11.1", Raw(SZ, utf16("a.example\0"))),
        "BINARY": ("11.1", Raw(BINARY, utf16("a.example\0\0"))), "control": ("11.1", Raw(MULTI_SZ, utf16("\x1b[2J\0\0"))),
    },
}
WRONG["REG_EXPAND_SZ"] = {kind: wrong for kind, wrong in WRONG["REG_SZ"].items() if kind not in ("control", "line-end")}


def table(of: str) -> dict[str, str]:
    """Returns the names and types of the settings in service/README.md."""
    return dict(re.findall(r"^\| `(\w+)` \| (REG_\w+) ", readme.block(of), re.MULTILINE))


def every_way(settings: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Returns clause, name and kind of fault."""
    for name, type in settings.items():
        for kind, (clause, _) in WRONG.get(type, {}).items():  # a password has tests of its own
            yield clause, name, kind


def cases(of: str) -> list[Any]:
    return [pytest.param(name, kind, id=f"{name}-{kind}", marks=pytest.mark.fault(clause))
            for clause, name, kind in every_way(table(of))]


def problems(told: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(each["key"], each["name"]): each["problem"] for each in told["problems"]}


@pytest.fixture(scope="module")
def of_hosts(machine: Machine) -> dict[tuple[str, str], str]:
    """Returns the problems reported for hosts that have one wrong value each."""
    settings = table("host-settings")
    hosts = {f"{name}-{kind}": {name: WRONG[settings[name]][kind][1]} for _, name, kind in every_way(settings)}
    machine.fresh({"AlwaysUseETRN": 0}, hosts)
    return problems(machine.wait_told(lambda told: len(told["hosts"]) == len(hosts), timeout=30))


@pytest.mark.parametrize("name, kind", cases("host-settings"))
def test_a_wrong_value_of_a_host_is_reported_and_not_used(of_hosts: dict, name: str, kind: str) -> None:
    problem = of_hosts[(PARAMETERS + rf"\Hosts\{name}-{kind}", name)]
    assert "llowed" in problem  # what may be, behind what was found
    assert problem.isprintable()


@pytest.fixture(scope="module")
def of_service(machine: Machine) -> dict[str, dict[tuple[str, str], str]]:
    """Returns the problems reported for the service's values, for each kind of fault."""
    settings = table("settings")
    found = {}
    machine.fresh()
    for kind in sorted({kind for _, _, kind in every_way(settings)}):
        found[kind] = problems(machine.follow({name: WRONG[type][kind][1] for name, type in settings.items()
                                               if kind in WRONG.get(type, {})}))
    return found


@pytest.mark.parametrize("name, kind", cases("settings"))
def test_a_wrong_value_is_reported_and_not_used(of_service: dict, name: str, kind: str) -> None:
    problem = of_service[kind][(PARAMETERS, name)]
    assert "llowed" in problem
    assert problem.isprintable()


# What is written, and the minutes that count: where it is not allowed, the service's own.
INTERVALS = {0: 15, 1: 1, 10080: 10080, 10081: 15, 0x7FFFFFFF: 15, 0x80000000: 15, 0xFFFFFFFF: 15}


@pytest.fixture(scope="module")
def asked_once(machine: Machine) -> Iterator[tuple[dict[str, Any], ScriptedServer]]:
    """Returns one host for each interval: asked once, and again after a while."""
    with servers() as serve:
        server = serve()
        machine.fresh(hosts={str(minutes): host_at(server, f"{minutes}.example", IntervalMinutes=minutes)
                             for minutes in INTERVALS})
        machine.wait_dequeues(1)
        yield machine.follow(), server


@pytest.mark.fault("10.6")
@pytest.mark.parametrize("minutes", INTERVALS)
def test_an_interval_of(asked_once: tuple[dict[str, Any], ScriptedServer], minutes: int) -> None:
    told, server = asked_once
    facts = host(told, str(minutes))
    seconds = (datetime.fromisoformat(facts["next"]) - datetime.fromisoformat(facts["started"])).total_seconds()
    assert abs(seconds - INTERVALS[minutes] * 60) < 1
    assert server.etrns().count(f"{minutes}.example") == 1  # none asks without end


@pytest.mark.fault("11.3")
def test_nothing_is_there(machine: Machine) -> None:
    """Without Parameters, or with nothing in it, everything has its default and there is no problem."""
    machine.fresh(start=False)
    machine.prefix.reg_delete(PARAMETERS)
    machine.start()
    told = machine.wait_told(bool)
    assert (told["enabled"], told["enabled_by"], told["hosts"], told["problems"]) == (False, "default", [], [])
    assert machine.warnings() == []


@pytest.mark.fault("11.3")
def test_a_host_without_any_value(machine: Machine) -> None:
    """It has no nodes, so there is nothing to ask. The key's name is the address."""
    machine.fresh(hosts={"bare.example": {}})
    told = machine.wait_told(lambda told: told["hosts"])
    assert (told["hosts"][0]["host"], told["hosts"][0]["nodes"], told["problems"]) == ("bare.example", [], [])


@pytest.mark.fault("11.5")
@pytest.mark.parametrize("key", [r"\Hosts\isp", r"\Hosts", ""], ids=["host", "Hosts", "Parameters"])
def test_a_key_deleted_in_mid_session(machine: Machine, serve: Serve, key: str) -> None:
    hold = Hold()
    server = serve(Script(etrn=[hold, "250 Queuing started"]))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example")})
    hold.wait()
    machine.prefix.reg_delete(PARAMETERS + key)
    machine.wait_told(lambda told: not told["enabled"] if not key else True)
    hold.release()
    machine.wait_told(lambda told: told["hosts"] == [], "the host is gone")
    server.wait_for(lambda s: s.open_count() == 0)
    assert server.etrns()[0] == "a.example" and len(server.sessions) == 1
    assert machine.state() == RUNNING
    machine.fresh(hosts={"isp": host_at(server)})  # and it can come back
    server.wait_for(lambda s: len(s.sessions) == 2)


@pytest.mark.fault("11.5")
def test_keys_made_and_deleted_without_end(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)})
    machine.wait_dequeues(1)
    long = PARAMETERS.replace("HKLM", "HKEY_LOCAL_MACHINE", 1)
    flicker = reg_text(PARAMETERS + r"\Hosts\flicker", {"Enabled": 0}) + f"[-{long}\\Hosts\\flicker]\r\n\r\n"
    machine.prefix.reg_import(flicker * 500)
    told = machine.follow()
    assert {each["name"] for each in told["hosts"]} >= {"isp"} and "flicker" not in {each["name"] for each in told["hosts"]}
    assert len(server.sessions) == 1
    assert machine.warnings() == []


@pytest.mark.fault("11.8")
def test_ten_thousand_hosts(machine: Machine, serve: Serve) -> None:
    """One in ten is asked, to save time."""
    server = serve(Script(), loopback(100))
    hosts = {f"host{n:05}": {"Host": server.addresses[n % 100], "Port": server.port, "Domains": [f"d{n}.example"],
                             "Enabled": int(n % 10 == 0)} for n in range(10_000)}
    machine.fresh({"AlwaysUseETRN": 0, "MaxConnections": 100}, hosts)
    wait_until(lambda: machine.status_file.exists() and machine.status_file.stat().st_size > 10_000 * 100, "all are read",
               PATIENCE)
    machine.configure({"AlwaysUseETRN": 1})
    server.wait_for(1000, timeout=PATIENCE)
    assert server.max_open <= 100
    assert sorted(server.etrns()) == sorted(f"d{n}.example" for n in range(0, 10_000, 10))

    for _ in range(int(PATIENCE * 2)):  # not at every turn: it is long
        time.sleep(0.5)
        told = machine.told()
        if all(each["dequeues"] == each["enabled"] for each in told["hosts"]) and told["sessions"] == 0:
            break
    assert len(told["hosts"]) == 10_000
    assert {each["nodes"][0]["outcome"] for each in told["hosts"] if each["enabled"]} == {"started"}
    assert machine.state() == RUNNING
    assert len(machine.ctl("status").out.splitlines()) > 10_000
