"""What a host or a network can do to us: each case is one host, all are asked at the same time, and once more when
all is well again. Every case says which outcome and which words a person reads in etrnctl status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.scripted import (Action, Answer, Close, Delay, Drip, Inject, Raw, Reset, Script, ScriptedServer, Silence,
                          free_port, loopback)

from .machine import LIVE_ADDRESS, Machine, Value, black_hole, host, nodes, outcomes, servers

TIMEOUT = 5  # seconds for a reply and for a connection
NODES = ("a.example", "b.example")
FINE = "250 Queuing started"
RESET = "reset"  # somewhere in the system's own words


@dataclass(frozen=True)
class Case:
    """A host's behaviour, and what is to be seen: an outcome for each node, words in the text of those that failed, and
    all that the host was sent."""

    script: Script
    outcomes: Sequence[str]
    text: str = ""
    sent: Sequence[str] = ()
    code: int | None = None
    settings: dict[str, Value] = field(default_factory=dict)


EHLO, ETRN_A, ETRN_B, QUIT = "EHLO", "ETRN a.example", "ETRN b.example", "QUIT"
ALL = (EHLO, ETRN_A, ETRN_B, QUIT)


def at_state(state: str, answer: Answer) -> Script:
    """A host that is fine until it answers this in that state."""
    if state == "greeting":
        return Script(greeting=answer)
    if state == "EHLO":
        return Script(ehlo=answer)
    if state == "QUIT":
        return Script(quit=answer)
    return Script(etrn={state.removeprefix("ETRN "): answer, "*": FINE})


# For each state: what has been sent by then, and what the nodes have got.
STATES = {
    "greeting": ((), ()),
    EHLO: ((EHLO,), ()),
    ETRN_A: ((EHLO, ETRN_A), ()),
    ETRN_B: ((EHLO, ETRN_A, ETRN_B), ("started",)),
    QUIT: (ALL, ("started", "started")),
}

# What a host may do instead of a reply: the outcome of the nodes without one, and the words ("{}" is the state).
TROUBLES: dict[str, tuple[Action | str | list[str | Action], str, str]] = {
    "silent": (Silence(), "timed-out", f"no {{}} in {TIMEOUT} s"),
    "closes": (Close(), "lost", "the host closed the connection"),
    "resets": ([Delay(0.5), Reset()], "lost", RESET),  # at once, Wine takes it for an orderly end
    "closes in a reply": ([Raw(b"250-O"), Close()], "lost", "the host closed the connection"),
    "421": ("421 4.3.2 Shutting down", "temporary", "421 4.3.2 Shutting down"),
    "bare LF": (Raw(b"250 OK\n"), "broken", "LF without CR"),
    "bare CR": (Raw(b"250 O\rK\r\n"), "broken", "CR without LF"),
    "NUL": (Raw(b"250 O\0K\r\n"), "broken", "control character"),
    "escape sequence": (Raw(b"250 \x1b[2J\r\n"), "broken", "control character"),
    "two digits": (Raw(b"25 OK\r\n"), "broken", "three-digit reply code"),
    "mixed codes": (Raw(b"250-OK\r\n251 OK\r\n"), "broken", "different reply codes"),
    "1 MB without end": (Raw(b"2" * 1_000_000), "broken", "longer than 4,096 octets"),
    "1 MB of lines": (Raw(b"250-still more\r\n" * 62_500), "broken", "longer than 64 KB"),
    "TLS alert": (Raw(b"\x15\x03\x01\x00\x02\x02\x46"), "broken", "control character"),
}


def trouble_cases() -> Iterator[tuple[str, Case]]:
    for state, (sent, had) in STATES.items():
        what = "greeting" if state == "greeting" else f"reply to {state[:4]}"
        for trouble, (answer, outcome, text) in TROUBLES.items():
            code = 421 if trouble == "421" and state != QUIT else None
            got = (*had, *[outcome] * (2 - len(had)))
            words = "" if state == QUIT else text.format(what)
            yield f"{trouble} at {state}", Case(at_state(state, answer), got, words, sent, code)


# A reply, and in the same segment bytes that nobody asked for: nothing is sent behind them.
EARLY = "the host sent more before it was asked"
EARLY_CASES = {
    "early bytes with the greeting": Case(Script(greeting=["220 lab.example", Inject(b"250 surprise\r\n")]),
                                          ("broken", "broken"), EARLY),
    "early bytes with EHLO": Case(Script(ehlo=[Raw(b"250-lab.example\r\n250 ETRN\r\n"), Inject(b"250 surprise\r\n")]),
                                  ("broken", "broken"), EARLY, (EHLO,)),
    "early bytes with ETRN a": Case(at_state(ETRN_A, [FINE, Inject(b"250 surprise\r\n")]), ("started", "broken"), EARLY,
                                    (EHLO, ETRN_A)),
    "early bytes with ETRN b": Case(at_state(ETRN_B, [FINE, Inject(b"2")]), ("started", "started"), "",
                                    (EHLO, ETRN_A, ETRN_B)),
}

# Codes instead of the 220 of the greeting and the 250 of EHLO.
REFUSALS = {221: "broken", 354: "broken", 450: "temporary", 500: "turned-away", 501: "turned-away", 530: "needs-security",
            550: "turned-away", 554: "turned-away"}


def refusal_cases() -> Iterator[tuple[str, Case]]:
    for code, outcome in REFUSALS.items():
        yield f"greeting {code}", Case(Script(greeting=f"{code} so"), [outcome] * 2, f"{code} so", (QUIT,), code)
        ehlo = "not-offered" if code in (500, 501) else outcome  # a host without EHLO can offer no ETRN
        yield f"EHLO {code}", Case(Script(ehlo=f"{code} so"), [ehlo] * 2, f"{code} so", (EHLO, QUIT), code)


# Each reply to the first ETRN; the second is asked all the same.
REPLIES = {250: "started", 251: "nothing-waiting", 252: "pending", 253: "pending", 259: "started", 450: "temporary",
           451: "temporary", 458: "unable-to-queue", 459: "not-allowed", 500: "refused", 501: "refused", 502: "refused",
           503: "refused", 504: "refused", 530: "needs-security", 550: "refused", 554: "refused", 559: "refused"}


def reply_cases() -> Iterator[tuple[str, Case]]:
    for code, outcome in REPLIES.items():
        yield f"ETRN {code}", Case(at_state(ETRN_A, f"{code} so"), (outcome, "started"), f"{code} so", ALL, code)


OTHER_CASES = {
    "fine": Case(Script(), ("started", "started"), "", ALL),
    "ETRN in lower case": Case(Script(ehlo=["250 lab.example", "size 1", "etrn"]), ("started", "started"), "", ALL),
    "ETRN not offered": Case(Script(ehlo=["250 ETRN", "XETRN", "ETRNX", "SIZE ETRN"]), ("not-offered", "not-offered"),
                             "ETRN is not in the reply to EHLO", (EHLO, QUIT)),
    "not offered and forced": Case(Script(ehlo="250 lab.example"), ("started", "started"), "", ALL,
                                   settings={"ForceETRN": 1}),
    "HELO only and forced": Case(Script(ehlo="500 what"), ("started", "started"), "",
                                 (EHLO, "HELO", ETRN_A, ETRN_B, QUIT), settings={"ForceETRN": 1}),
    "TLS required": Case(Script(), ("no-tls", "no-tls"), "TLS", (EHLO, QUIT), settings={"Tls": "require"}),
    "greeting of many lines": Case(Script(greeting=["220 lab.example", "this", "is", "a notice"]), ("started", "started"), "",
                                   ALL),
    "capabilities by the hundred": Case(Script(ehlo=["250 lab.example", *[f"X{n}" for n in range(3000)], "ETRN"]),
                                        ("started", "started"), "", ALL),
    "reply in single bytes": Case(Script(etrn=Drip(FINE.encode() + b"\r\n", 0.02)), ("started", "started"), "", ALL),
    "8-bit reply": Case(at_state(ETRN_A, Raw(b"459 gesperrt f\xfcr a.example\r\n")), ("not-allowed", "started"),
                        r"gesperrt f\xfcr a.example", ALL, 459),
    "code alone": Case(at_state(ETRN_A, Raw(b"250\r\n")), ("started", "started"), "", ALL),
    "drips": Case(Script(greeting=Drip(b"220-" + b"x" * 2000, 0.3)), ("timed-out", "timed-out"), f"no greeting in {TIMEOUT} s"),
}

CASES: dict[str, Case] = {**dict(trouble_cases()), **EARLY_CASES, **dict(refusal_cases()), **dict(reply_cases()),
                          **OTHER_CASES}


# Hosts that no server answers for: outcome and words.
UNREACHABLE = {
    "refused": ("no-connection", "refused"),
    "black hole": ("no-connection", "no answer"),
    "no such name": ("no-address", "nothing.invalid"),
}


@dataclass(frozen=True)
class Rounds:
    """What etrnctl status --json said after the first and the second round, and the servers' record of the first."""

    first: dict[str, Any]
    second: dict[str, Any]
    sent: dict[str, list[str]]
    connections: dict[str, int]
    run: Any
    warnings: list[str]


def key_of(case: str) -> str:
    return case.replace(" ", "-")


def conversation(server: ScriptedServer, address: str) -> list[str]:
    """All commands to one address, as cases write them."""
    commands = [command for command in server.commands() if command.address == address]
    return [f"{c.verb} {c.argument}" if c.verb == "ETRN" else c.verb for c in commands]


@pytest.fixture(scope="module")
def rounds(machine: Machine, extra_hosts: bool) -> Iterator[Rounds]:
    addresses = dict(zip(CASES, loopback(len(CASES))))
    scripts = {addresses[name]: case.script for name, case in CASES.items()}
    settings = {"TimeoutSeconds": TIMEOUT, "ConnectTimeoutSeconds": TIMEOUT, "RetrySeconds": 3600}
    usual = {"ForceETRN": 0, "Tls": "may"}
    with servers() as serve:
        server = serve(scripts, list(scripts))
        hosts: dict[str, dict[str, Value]] = {
            key_of(name): {"Host": addresses[name], "Port": server.port, "Domains": NODES} | case.settings
            for name, case in CASES.items()}
        closed = free_port()
        hosts["refused"] = {"Host": "127.0.0.1", "Port": closed, "Domains": NODES}
        hosts["no-such-name"] = {"Host": "nothing.invalid", "Domains": NODES}
        if extra_hosts:
            for order in ("dead-first", "dead-last"):
                hosts[order] = {"Host": f"{order}.example", "Port": serve(Script(), [LIVE_ADDRESS]).port, "Domains": NODES}
        with black_hole() as hole:
            hosts["black-hole"] = {"Host": hole[0], "Port": hole[1], "Domains": NODES}
            machine.fresh(settings, hosts)
            machine.wait_dequeues(1, timeout=30)
        first = machine.status()
        sent = {name: conversation(server, addresses[name]) for name in CASES}
        connections = {name: sum(s.address == addresses[name] for s in server.sessions) for name in CASES}
        warnings = machine.warnings()

        server.set_script(Script())
        machine.configure(hosts={"no-such-name": {"Host": "127.0.0.1", "Port": server.port},
                                 **{key_of(name): usual for name, case in CASES.items() if case.settings}})
        serve(Script(), port=closed)
        serve(Script(), [hole[0]], hole[1])
        run = machine.ctl("run", timeout=40)
        yield Rounds(first, machine.status(), sent, connections, run, warnings)


@pytest.mark.parametrize("name", CASES)
def test_outcome_words_and_nothing_sent_too_much(rounds: Rounds, name: str) -> None:
    case = CASES[name]
    found = nodes(rounds.first, key_of(name))
    assert [found[node]["outcome"] for node in NODES] == list(case.outcomes)
    assert rounds.sent[name] == list(case.sent)
    assert rounds.connections[name] == 1
    good = ("started", "nothing-waiting", "pending")
    for facts in found.values():
        good_reply = facts["outcome"] in good
        assert facts["failing"] == (not good_reply and facts["outcome"] != "unable-to-queue")  # that one not at once
        assert facts["meaning"].endswith(".")
        assert bool(facts["advice"]) == (not good_reply)
        if not good_reply:
            assert case.text in facts["text"]
            assert facts["code"] == case.code
        assert facts["text"].isprintable()


@pytest.mark.parametrize("name", UNREACHABLE)
def test_hosts_that_cannot_be_reached(rounds: Rounds, name: str) -> None:
    outcome, words = UNREACHABLE[name]
    for facts in nodes(rounds.first, key_of(name)).values():
        assert facts["outcome"] == outcome
        assert words in facts["text"].lower()
        assert facts["failing"] and facts["code"] is None


@pytest.mark.parametrize("name", ["dead-first", "dead-last"])
def test_one_of_two_addresses_is_dead(rounds: Rounds, extra_hosts: bool, name: str) -> None:
    if not extra_hosts:
        pytest.skip("needs a private /etc/hosts, which only root can have")
    assert outcomes(rounds.first, name) == dict.fromkeys(NODES, "started")


@pytest.mark.parametrize("name", [*CASES, *UNREACHABLE])
def test_the_next_round_is_unharmed(rounds: Rounds, name: str) -> None:
    key = key_of(name)
    assert outcomes(rounds.second, key) == dict.fromkeys(NODES, "started")
    assert host(rounds.second, key)["dequeues"] == 2


def test_run_shows_each_outcome_and_all_is_well(rounds: Rounds) -> None:
    assert rounds.run.code == 0, rounds.run.err
    count = 2 * len(rounds.second["service"]["hosts"])
    words = " ".join(rounds.run.out.split())  # without the line ends of wrapping
    assert words.count(": Mail that waits for this node is now being sent to its mail server. 250 Queuing started") == count
    assert words.endswith("250 Queuing started")


def test_each_failure_is_one_event(rounds: Rounds) -> None:
    failing = {each["name"] for each in rounds.first["service"]["hosts"] if any(node["failing"] for node in each["nodes"])}
    assert len(rounds.warnings) == 5 * len(failing)  # strings of event 200
    assert set(rounds.warnings[::5]) == failing
