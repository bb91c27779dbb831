"""AlwaysUseETRN: one registry value, written by any program, takes effect at once."""

from __future__ import annotations

import time

import pytest

from lab.scripted import Script

from .machine import PARAMETERS, POLICIES, Hold, Machine, Raw, Serve, Value, host_at, host_texts, outcomes, reg_text

SWITCH = "AlwaysUseETRN"


def enabled(told: dict) -> bool:
    return told["enabled"]


def disabled(told: dict) -> bool:
    return not told["enabled"]


def test_plain_reg_add_sends_etrn_within_a_second(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({SWITCH: 0}, {"isp": host_at(server)})
    machine.wait_told(disabled)
    process = machine.process()
    began = time.monotonic()
    assert machine.run("reg", "add", PARAMETERS, "/v", SWITCH, "/t", "REG_DWORD", "/d", "1", "/f").code == 0
    server.wait_for(1)
    assert server.commands("ETRN")[0].time - began < 1.0
    assert machine.process() == process  # it was not started anew


def test_disabled_it_sends_nothing(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({SWITCH: 0}, {"isp": host_at(server)})
    machine.wait_told(disabled)
    machine.follow({"IntervalMinutes": 3})
    assert server.sessions == []


@pytest.mark.fault("10.8")
def test_zero_ends_a_running_session_politely(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn={"a.example": [hold, "250 Queuing started"], "*": "250 Queuing started"}))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example", "c.example")})
    hold.wait()
    machine.prefix.reg_add(PARAMETERS, SWITCH, "REG_DWORD", 0)
    machine.wait_told(disabled)
    hold.release()
    server.wait_for(lambda s: s.commands("QUIT") and s.open_count() == 0)
    assert server.etrns() == ["a.example"]
    told = machine.wait_told(lambda told: told["sessions"] == 0 and told["hosts"][0]["dequeues"] == 1)
    assert outcomes(told, "isp") == {"a.example": "started", "b.example": "none", "c.example": "none"}
    assert told["next"] is None
    machine.follow({"IntervalMinutes": 3})
    assert len(server.sessions) == 1


def test_off_and_on_again_asks_again(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)})
    machine.wait_dequeues(1)
    machine.configure({SWITCH: 0})
    machine.wait_told(disabled)
    machine.configure({SWITCH: 1})
    server.wait_for(2)


@pytest.mark.fault("11.3")
def test_deleting_the_value_disables(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"isp": host_at(serve())})
    machine.wait_dequeues(1)
    machine.prefix.reg_delete(PARAMETERS, SWITCH)
    told = machine.wait_told(disabled)
    assert told["enabled_by"] == "default"


@pytest.mark.fault("11.5")
def test_parameters_key_deleted_and_made_again(machine: Machine, serve: Serve) -> None:
    server = serve()
    hosts = {"isp": host_at(server)}
    machine.fresh(hosts=hosts)
    machine.wait_dequeues(1)
    for asked in (2, 3):  # twice: the new key is watched as the old one was
        machine.prefix.reg_delete(PARAMETERS)
        told = machine.wait_told(disabled)
        assert told["hosts"] == []
        machine.prefix.reg_import(reg_text(PARAMETERS, {SWITCH: 1, "MinimumGapSeconds": 0, "LocalPort": 0}) + host_texts(hosts))
        server.wait_for(asked)
    assert machine.warnings() == []


@pytest.mark.fault("11.5")
def test_policy_wins_made_and_deleted_while_running(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({SWITCH: 0}, {"isp": host_at(server)})
    machine.wait_told(disabled)
    for asked in (1, 2):
        machine.prefix.reg_add(POLICIES, SWITCH, "REG_DWORD", 1)
        told = machine.wait_told(enabled)
        assert told["enabled_by"] == "policy"
        server.wait_for(asked)
        machine.prefix.reg_delete(POLICIES)
        told = machine.wait_told(disabled)
        assert told["enabled_by"] == "Parameters"
    assert len(server.etrns()) == 2


def test_policy_of_zero_wins_over_one(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({SWITCH: 1}, {"isp": host_at(server)}, policies={SWITCH: 0})
    told = machine.wait_told(disabled)
    assert told["enabled_by"] == "policy"
    assert server.sessions == []
    status = machine.status()
    assert (status["enabled"], status["enabled_by"]) == (False, "policy")


@pytest.mark.fault("11.1")
def test_a_bad_policy_enables_nothing(machine: Machine) -> None:
    machine.fresh({SWITCH: 1}, policies={SWITCH: 7})
    told = machine.wait_told(lambda told: told["problems"])
    assert (told["enabled"], told["enabled_by"]) == (False, "default")  # a value that is not understood enables nothing
    assert told["problems"][0]["key"] == POLICIES


WRONG: dict[str, tuple[Value, str]] = {
    "a string": ("1", 'REG_SZ "1"'),
    "two": (2, "REG_DWORD 2"),
    "the greatest": (0xFFFFFFFF, "REG_DWORD 4294967295"),
    "eight bytes": (Raw(4, bytes([1, 0, 0, 0, 0, 0, 0, 0])), "REG_DWORD of 8 bytes"),
    "no bytes": (Raw(4, b""), "REG_DWORD of 0 bytes"),
    "quad word": (Raw(11, bytes([1, 0, 0, 0, 0, 0, 0, 0])), "REG_QWORD of 8 bytes"),
    "binary": (Raw(3, bytes([1, 0, 0, 0])), "REG_BINARY of 4 bytes"),
}


@pytest.mark.fault("11.1")
@pytest.mark.parametrize("value, found", WRONG.values(), ids=WRONG)
def test_an_invalid_switch_is_off_and_reported_once(machine: Machine, serve: Serve, value: Value, found: str) -> None:
    server = serve()
    machine.fresh({SWITCH: 1}, {"isp": host_at(server)})
    machine.wait_dequeues(1)
    machine.configure({SWITCH: value})
    told = machine.wait_told(disabled)
    warning = [PARAMETERS, SWITCH, f"found {found}; allowed: REG_DWORD, 0 or 1"]
    assert machine.warnings() == warning
    assert told["problems"] == [dict(zip(("key", "name", "problem"), warning))]
    machine.follow({"IntervalMinutes": 20})
    assert machine.warnings() == warning  # not again
    assert server.etrns() == ["a.example"]
    screen = machine.ctl("status").out
    assert rf"{PARAMETERS}\{SWITCH}: {warning[2]}" in " ".join(screen.split())

    machine.configure({SWITCH: 1})
    assert machine.wait_told(enabled)["problems"] == []
    server.wait_for(2)
    machine.configure({SWITCH: value})
    machine.wait_told(disabled)
    assert machine.warnings() == warning * 2  # it is wrong anew


def test_each_change_of_the_switch_is_one_event(machine: Machine) -> None:
    machine.fresh({SWITCH: 0})
    machine.wait_told(disabled)
    machine.forget_events()
    machine.configure({SWITCH: 1})
    machine.wait_told(enabled)
    machine.follow({"IntervalMinutes": 20})
    machine.configure({SWITCH: 0})
    machine.wait_told(disabled)
    assert machine.events() == [("info", "0"), ("info", "Parameters"), ("info", "Parameters")]  # 110 and 111
