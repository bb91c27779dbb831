"""The service stops within two seconds, whatever it waits for, and may be killed at any time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable

import pytest

from lab.scripted import Deaf, Drip, Script, ScriptedServer, Silence, loopback

from .machine import (RUNNING, SERVICE_EXE, STOP_LIMIT, STOPPED, Hold, Machine, Serve, black_hole, host, host_at, outcomes,
                      wait_until)

NODES = ("a.example", "b.example")
OFFER = ("250 lab.example", "STARTTLS", "ETRN")


def sees(verb: str) -> Callable[[ScriptedServer], bool]:
    return lambda server: bool(server.commands(verb))


STATES: dict[str, tuple[Script, Callable[[ScriptedServer], bool], list[str]]] = {
    "greeting": (Script(greeting=Silence()), lambda server: server.open_count() == 1, []),
    "dripping greeting": (Script(greeting=Drip(b"220-" + b"x" * 1000, 0.1)), lambda server: server.open_count() == 1, []),
    "EHLO": (Script(ehlo=Silence()), sees("EHLO"), ["EHLO"]),
    "STARTTLS": (Script(ehlo=OFFER, verbs={"STARTTLS": Silence()}), sees("STARTTLS"), ["EHLO", "STARTTLS"]),
    "TLS handshake": (Script(ehlo=OFFER, verbs={"STARTTLS": ["220 go", Deaf(), Silence()]}), sees("STARTTLS"),
                      ["EHLO", "STARTTLS"]),
    "ETRN": (Script(etrn=Silence()), sees("ETRN"), ["EHLO", "ETRN"]),
    "QUIT": (Script(quit=Silence()), sees("QUIT"), ["EHLO", "ETRN", "ETRN", "QUIT"]),
}


@pytest.mark.fault("12.1")
@pytest.mark.parametrize("state", STATES)
def test_stop_while_a_host_is_silent(machine: Machine, serve: Serve, state: str) -> None:
    script, reached, sent = STATES[state]
    server = serve(script)
    machine.fresh(hosts={"isp": host_at(server, *NODES)})
    server.wait_for(reached)
    assert machine.begin_stop().seconds() < STOP_LIMIT
    server.wait_for(lambda s: s.open_count() == 0)
    assert [command.verb for command in server.commands()] == sent
    assert machine.state() == STOPPED
    told = machine.told()
    assert (told["sessions"], host(told, "isp")["asking"]) == (0, False)
    expected = "started" if state == "QUIT" else "none"  # not having waited is no failure of the host's
    assert outcomes(told, "isp") == dict.fromkeys(NODES, expected)
    assert machine.warnings() == []


@pytest.mark.fault("12.1")
def test_stop_while_connecting(machine: Machine) -> None:
    with black_hole() as (address, port):
        machine.fresh(hosts={"isp": {"Host": address, "Port": port, "Domains": NODES}})
        machine.wait_told(lambda told: told["sessions"] == 1)
        assert machine.begin_stop().seconds() < STOP_LIMIT
    assert machine.warnings() == []


@pytest.mark.fault("12.1")
def test_stop_lets_a_host_that_answers_finish_politely(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=[hold, "250 Queuing started"]))
    machine.fresh(hosts={"isp": host_at(server, *NODES)})
    hold.wait()
    stop = machine.begin_stop()
    hold.release()
    assert stop.seconds() < STOP_LIMIT
    assert machine.state() == STOPPED
    assert [command.verb for command in server.commands()] == ["EHLO", "ETRN", "QUIT"]
    assert outcomes(machine.told(), "isp") == {"a.example": "started", "b.example": "none"}


@pytest.mark.fault("12.1")
def test_stop_with_many_sessions_open(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=Silence()), loopback(100))
    hosts = {address: {"Port": server.port, "Domains": NODES} for address in server.addresses}
    for ask in (lambda: machine.begin_stop().seconds(), lambda: machine.ctl("service", "stop").code):
        machine.fresh(hosts=hosts)
        server.forget()
        server.wait_for(100)
        assert ask() < STOP_LIMIT
        server.wait_for(lambda s: s.open_count() == 0)


@pytest.mark.fault("12.2")
def test_stop_right_after_start_and_many_times(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)}, start=False)
    for _ in range(10):
        machine.start()
        machine.stop()
        wait_until(lambda: not machine.processes(), "the process gone")
    assert machine.state() == STOPPED
    machine.start()
    machine.wait_dequeues(1)


@pytest.mark.fault("12.4")
def test_killed_service_starts_again(machine: Machine, serve: Serve) -> None:
    server = serve(Script(delay=0.02))
    machine.fresh(hosts={"isp": host_at(server, *NODES)}, start=False)
    machine.save()
    server.wait_for(1)
    os.kill(machine.process(), signal.SIGKILL)
    machine.prefix.kill()  # Wine goes on calling a killed service running: start Windows anew, which starts the service
    machine.prefix.start()
    wait_until(lambda: machine.state() == RUNNING, "the service running")
    told = machine.wait_dequeues(1)
    assert outcomes(told, "isp") == dict.fromkeys(NODES, "started")


@pytest.mark.fault("12.4")
def test_killed_at_any_instant_status_json_is_complete(machine: Machine, serve: Serve) -> None:
    server = serve(Script(delay=0.002), loopback(60))
    domains = [f"{n}.example" for n in range(20)]
    hosts = {address: {"Port": server.port, "Domains": domains} for address in server.addresses}
    machine.fresh({"MaxConnections": 20}, hosts, start=False)
    machine.save()
    machine.stop()
    seen = 0
    for _ in range(10):
        console = machine.prefix.popen([SERVICE_EXE, "--console"], stdout=subprocess.DEVNULL)
        try:
            server.wait_for(len(server.etrns()) + random.randrange(1, 200), timeout=60)
        finally:
            console.kill()
            console.wait(10)
        if told := machine.told():  # raises when it is not whole
            assert told["schema"] == 1 and len(told["hosts"]) == 60
            seen += 1
    assert seen > 0
    if machine.state() != RUNNING:  # it is where Windows had to be started again
        machine.start()
    machine.wait_dequeues(1, timeout=60)
    left = {path.name for path in machine.status_file.parent.iterdir()}
    assert left - {"status.json.new"} == {"status.json"}  # which may be under way just now
