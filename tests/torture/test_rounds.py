"""A round of the service in which one call fails, for each kind of host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.certs import Authority
from lab.scripted import Script, StartTls, free_port
from lab.wine import windows_path
from wine.machine import Raw, Serve, host_at, wait_until
from wine.test_auth import set_password
from wine.test_errands import Program, copied, finger_server

from .machine import TortureMachine
from .rounds import Round, Rounds, asked_of, strided, wait_until_true


def plain(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve(Script(), ["127.0.0.1", "127.0.0.2"])
    two = host_at(server, "c.example") | {"Host": "127.0.0.2"}
    yield Round({"one": host_at(server, "a.example", "b.example"), "two": two}, asked_of(server), 13, {})


def fallback(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    settings = host_at(server, Fallback=[f"127.0.0.1:{server.port}"]) | {"Port": free_port()}
    yield Round({"isp": settings}, asked_of(server), 23, {})


def logged(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    yield Round({"isp": host_at(server)}, asked_of(server), 23, {"ProtocolLog": 1})


def finger(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    with finger_server(b"on its way\r\n") as server:
        settings = {"Host": "127.0.0.1", "Port": server.port, "Method": "finger", "Domains": ["a.example"]}
        yield Round({"isp": settings}, lambda: Counter(query.decode().strip() for query in server.queries), 29, {})


def program(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    each = Program(tmp_path / "errand.exe")
    command = Raw(2, (each.quoted + " {node}\0").encode("utf-16-le"))
    settings = {"Host": "127.0.0.1", "Method": "program", "Program": command, "Domains": ["a.example"]}
    yield Round({"isp": settings}, lambda: Counter(words[0] for words in each.calls()), 31, {})


def service(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    yield Round({"isp": host_at(server, RunService="Mail", HoldSeconds=3600)}, asked_of(server), 31, {})


def secured(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    with Authority() as authority:
        certificate = authority.issue("mail.isp.example", addresses=["127.0.0.1"])
        server = serve(Script(ehlo=("250 lab.example", "STARTTLS", "ETRN", "AUTH PLAIN"), verbs={
            "STARTTLS": ["220 Go ahead", StartTls(certificate.context())], "AUTH": "235 in"}))

        def prepare(machine: TortureMachine) -> None:
            machine.trust(authority.root)
            set_password(machine, name="isp")

        yield Round({"isp": host_at(server, Tls="require", User="etrn")}, asked_of(server), 31, {}, prepare)


ROUNDS = {each.__name__: each for each in (plain, fallback, logged, finger, program, service, secured)}


@pytest.fixture(scope="module")
def companion(machine: TortureMachine, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The service named Mail."""
    exe = copied("companion", tmp_path_factory.mktemp("companion") / "mail.exe")
    assert machine.run("sc", "create", "Mail", "binPath=", windows_path(exe), "start=", "demand").code == 0


@pytest.mark.fault("13.1")
@pytest.mark.fault("13.3")
@pytest.mark.fault("13.4")
@pytest.mark.parametrize("name", ROUNDS)
def test_round(machine: TortureMachine, companion: None, serve: Serve, tmp_path: Path, name: str) -> None:
    for round in ROUNDS[name](serve, tmp_path):
        rounds = Rounds(machine, round)
        rounds.clean()
        living, threads = rounds.rest(), machine.threads()
        machine.service.arm(0)
        rounds.clean()
        rounds.rest()
        calls = machine.service.get("calls")
        assert calls > 40, "nothing was counted"
        reached = 0
        for first in strided(calls, round.stride):
            was_reached = rounds.failing(first)
            reached += was_reached
            wait_until_true(lambda: machine.service.live() == living, 2)
            assert machine.service.live() == living, f"leaked: {machine.service.told()}"
        assert reached > len(strided(calls, round.stride)) * 0.5  # a round differs a little from the one before
        wait_until(lambda: machine.threads() <= threads, "the threads ended")
        machine.stop()
