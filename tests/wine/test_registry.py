"""Registry values as other programs may write them, and very many of them."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from lab.scripted import Script

from .machine import PARAMETERS, RUNNING, Machine, Raw, Serve, host_at, outcomes, reg_text

MULTI_SZ = 7


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


LISTS = {
    "both NULs": utf16("a.example\0b.example\0\0"),
    "without the last NUL": utf16("a.example\0b.example\0"),
    "without any NUL": utf16("a.example\0b.example"),
    "with an empty string in the middle": utf16("a.example\0\0b.example\0\0"),
    "with half a character behind": utf16("a.example\0b.example\0") + b"\0",
    "with one twice": utf16("a.example\0A.example\0b.example\0\0"),
}


@pytest.mark.fault("11.4")
@pytest.mark.parametrize("data", LISTS.values(), ids=LISTS)
def test_a_list_however_it_is_ended(machine: Machine, serve: Serve, data: bytes) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server, Domains=Raw(MULTI_SZ, data))})
    machine.wait_dequeues(1)
    assert server.etrns() == ["a.example", "b.example"]
    assert machine.warnings() == []


@pytest.mark.fault("8.4")
def test_a_bad_domain_among_good_ones(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server, "a.example", "two words", "b\r\nDATA", "c.example", "b\xfccher.example")})
    told = machine.wait_dequeues(1)
    assert server.etrns() == ["a.example", "c.example"]
    assert outcomes(told, "isp") == {"a.example": "started", "c.example": "started"}
    key, name, problem = machine.warnings()
    assert (key, name) == (PARAMETERS + r"\Hosts\isp", "Domains")
    for bad in ('"two words"', r'"b\x0d\x0aDATA"', '"b\xfccher.example"', "xn--"):
        assert bad in problem
    assert "a.example" not in problem and "@domain or #queue" in problem  # what is allowed
    assert "Domains" in machine.ctl("status").out


WRONG_OF_A_HOST = {
    "port out of range": ({"Port": 65536}, "Port", "REG_DWORD 65536; allowed: REG_DWORD, 0 to 65535"),
    "port as a word": ({"Port": "smtp"}, "Port", 'REG_SZ "smtp"; allowed: REG_DWORD, 0 to 65535'),
    "unknown Tls": ({"Tls": "perhaps"}, "Tls", 'REG_SZ "perhaps"; allowed: REG_SZ, one of none, may, require, implicit'),
    "HELO with a command": ({"HeloName": Raw(1, utf16("a\r\nQUIT\0"))}, "HeloName", r'REG_SZ "a\x0d\x0aQUIT"; allowed: REG_SZ'),
    "a list as a string": ({"Domains": "a.example"}, "Domains", 'REG_SZ "a.example"; allowed: REG_MULTI_SZ'),
    "a megabyte": ({"HeloName": Raw(1, utf16("x" * 600_000))}, "HeloName", "at most 1048576"),
}


@pytest.mark.fault("11.1")
@pytest.mark.parametrize("values, name, problem", WRONG_OF_A_HOST.values(), ids=WRONG_OF_A_HOST)
def test_a_wrong_value_of_a_host_harms_no_other(machine: Machine, serve: Serve, values: dict, name: str,
                                                problem: str) -> None:
    server = serve()
    wrong = {"Host": "127.0.0.1", "Domains": [], "Port": server.port} | values
    machine.fresh(hosts={"good": host_at(server), "wrong": wrong})
    told = machine.wait_dequeues(1)
    assert outcomes(told, "good") == {"a.example": "started"}
    warnings = machine.warnings()
    assert warnings[:2] == [PARAMETERS + r"\Hosts\wrong", name] and len(warnings) == 3
    assert problem in warnings[2]


@pytest.mark.fault("11.7")
def test_ten_thousand_writes_in_a_burst(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    began = machine.wait_told(bool)["written"]
    burst = "".join(reg_text(PARAMETERS, {"IntervalMinutes": 1 + n % 1000}) for n in range(9999))
    machine.prefix.reg_import(burst + reg_text(PARAMETERS, {"IntervalMinutes": 7}))
    told = machine.wait_told(lambda told: told["written"] > began and minutes_to_next(told) == 7, "the last write followed")
    assert machine.state() == RUNNING
    assert server.sessions == []  # none of that is a reason to ask
    machine.control(128)
    server.wait_for(1)
    assert machine.warnings() == [] and told["problems"] == []


def minutes_to_next(told: dict) -> int:
    seconds = (datetime.fromisoformat(told["next"]) - datetime.fromisoformat(told["started"])).total_seconds()
    return round(seconds / 60) if seconds else 0


@pytest.mark.fault("11.7")
def test_writes_without_end_do_not_starve_the_sessions(machine: Machine, serve: Serve) -> None:
    server = serve(Script(delay=0.05))
    machine.fresh(hosts={"isp": host_at(server, *[f"{n}.example" for n in range(14)])}, start=False)
    burst = "".join(reg_text(PARAMETERS, {"RetrySeconds": 10 + n % 1000}) for n in range(4000))
    writer = threading.Thread(target=machine.prefix.reg_import, args=(burst,))
    writer.start()
    machine.start()
    machine.wait_dequeues(1)
    writer.join()
    assert len(server.etrns()) == 14
