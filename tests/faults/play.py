"""Runs cases under Wine: each is the behaviour of one address of a scripted server, and one host of the service."""

from __future__ import annotations

from collections.abc import Mapping

from lab.certs import Authority
from lab.scripted import Action, Close, Delay, Drip, Each, Raw, Reset, Script, ScriptedServer, StartTls, loopback
from wine.machine import Value

from .cases import Case, Step

UNEXPECTED = "500 nothing more was expected"


class Wardrobe:
    """The certificates of hosts, by their names in cases, valid for all addresses."""

    def __init__(self, authority: Authority, addresses: list[str]) -> None:
        issued = {"good": authority.issue("mx.example", addresses=addresses),
                  "self-signed": authority.issue("mx.example", addresses=addresses, self_signed=True)}
        self._contexts = {name: certificate.context() for name, certificate in issued.items()}

    def handshake(self, step: Step) -> Action:
        return StartTls(self._contexts[step.words.partition(",")[0]])


def action(step: Step, wardrobe: Wardrobe) -> Action:
    match step.kind:
        case "S":
            return Raw(step.data)
        case "wait":
            return Delay(step.seconds)
        case "drip":
            return Drip(step.data, step.seconds)
        case "close":
            return Close()
        case "reset":
            return Reset()
        case "TLS":
            return wardrobe.handshake(step)
    raise AssertionError(step)


def script(steps: list[Step], wardrobe: Wardrobe) -> Script:
    """Plays one connection: what the host sends first, then its replies to each command, whatever the command is."""
    turns: list[list[Action]] = [[]]
    for step in steps:
        turns.append([]) if step.kind == "C" else turns[-1].append(action(step, wardrobe))
    first, *others = [turn or [Raw(b"")] for turn in turns]
    answers = Each(*others, UNEXPECTED)
    return Script(first, answers, answers, answers, answers, answers, closes_after_quit=False)


def connections(case: Case) -> list[list[Step]]:
    """Returns the steps of each connection."""
    parts: list[list[Step]] = [[]]
    for step in case.steps:
        parts.append([]) if step.kind == "again" else parts[-1].append(step)
    return parts


class Stage:
    """All cases at once: which case is played at which address."""

    def __init__(self, cases: Mapping[str, Case], authority: Authority) -> None:
        self.cases = cases
        self.addresses = dict(zip(cases, loopback(len(cases))))
        self._wardrobe = Wardrobe(authority, list(self.addresses.values()))
        self._by_address = {address: connections(cases[name]) for name, address in self.addresses.items()}

    def behaviour(self, address: str, number: int) -> Script:
        """Returns the steps of the nth connection to an address."""
        parts = self._by_address[address]
        return script(parts[number - 1] if number <= len(parts) else [], self._wardrobe)

    def hosts(self, port: int) -> dict[str, dict[str, Value]]:
        """Returns the settings of each host, by the id of its case."""
        return {name: {"Host": self.addresses[name], "Port": port, "Domains": case.nodes, "EtrnsPerConnection": 100}
                | case.settings for name, case in self.cases.items()}

    def sent(self, server: ScriptedServer) -> dict[str, list[str]]:
        """Returns all commands that each host received, as cases write them."""
        names = {address: name for name, address in self.addresses.items()}
        sent: dict[str, list[str]] = {name: [] for name in self.cases}
        for command in server.commands():
            introduction = command.verb in ("EHLO", "HELO")
            line = command.raw.decode("latin-1").removesuffix("\r\n")
            sent[names[command.address]].append(command.verb if introduction else line)
        return sent

    def connected(self, server: ScriptedServer) -> dict[str, int]:
        """Returns the number of connections to each host."""
        counts = dict.fromkeys(self.addresses.values(), 0)
        for session in list(server.sessions):
            counts[session.address] += 1
        return {name: counts[address] for name, address in self.addresses.items()}
