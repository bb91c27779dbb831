"""What a scripted server does: its answers, and the script that has one for each verb.

An answer is data: a line, a list of lines, a list of actions (Drip, Reset, ...), a mapping from argument to answer, or
Each(...), one answer after another. A new action is one more class with act().
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session

CODED_LINE = re.compile(r"\d{3}[ -]")


class Action:
    async def act(self, session: Session) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Raw(Action):
    """These bytes, in one segment if they fit."""

    data: bytes

    async def act(self, session: Session) -> None:
        await session.send(self.data)


class Reply(Raw):
    """One line; CRLF is added."""

    def __init__(self, text: str) -> None:
        super().__init__(text.encode() + b"\r\n")


class Inject(Raw):
    """These bytes in the same segment as the reply before them, as somebody on the way would put them there."""


@dataclass(frozen=True)
class Delay(Action):
    seconds: float

    async def act(self, session: Session) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Drip(Action):
    """A byte at a time, `interval` seconds apart."""

    data: bytes
    interval: float

    async def act(self, session: Session) -> None:
        await Split(self.data, range(1, len(self.data)), self.interval).act(session)


@dataclass(frozen=True)
class Split(Action):
    """The bytes cut at `positions`, with `pause` seconds between the pieces."""

    data: bytes
    positions: Sequence[int]
    pause: float = 0.02

    async def act(self, session: Session) -> None:
        starts = [0, *self.positions]
        for start, end in zip(starts, [*self.positions, len(self.data)]):
            if start:
                await asyncio.sleep(self.pause)
            await session.send(self.data[start:end])


@dataclass(frozen=True)
class Ask(Action):
    """A line, CRLF added, and the client's answer to it, kept in the session's `answers`: a dialogue inside a command, as
    in [Ask("334 VXNlcm5hbWU6"), Ask("334 UGFzc3dvcmQ6"), "235 OK"]; "*" ends it by 501."""

    text: str

    async def act(self, session: Session) -> None:
        await session.ask(self.text)


class Close(Action):
    async def act(self, session: Session) -> None:
        session.transport.close()


class Reset(Action):
    """Ends the connection by RST."""

    async def act(self, session: Session) -> None:
        linger = struct.pack("ii", 1, 0)
        session.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        session.transport.abort()


class Silence(Action):
    """Says nothing more until the peer goes away."""

    async def act(self, session: Session) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class StartTls(Action):
    """Makes the server's end of a TLS handshake; all that follows goes through TLS. As an answer to STARTTLS behind the
    220, or before the greeting. `record` is the most that one record holds, `segment` the most that is sent at once, each
    in octets and the segments `pause` seconds apart; `cut` ends the connection behind so many octets of the handshake."""

    context: ssl.SSLContext
    record: int = 0
    segment: int = 0
    pause: float = 0.0
    cut: int = 0

    async def act(self, session: Session) -> None:
        await session.start_tls(self)


@dataclass(frozen=True)
class Unciphered(Action):
    """These bytes past the TLS that there is, as somebody on the way would put them there."""

    data: bytes

    async def act(self, session: Session) -> None:
        session.transport.write(self.data)


class EndTls(Action):
    """Says that nothing more will come (close_notify)."""

    async def act(self, session: Session) -> None:
        await session.end_tls()


class Deaf(Action):
    """Takes no more notice of what the client says."""

    async def act(self, session: Session) -> None:
        session.deaf = True


class Cancelled(Exception):
    """The client has ended a dialogue."""


class Each:
    """One answer after another, over all sessions together; the last one stays: Each("458 Busy", "250 OK")."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def take(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


Answer = str | Action | Sequence[str | Action] | Mapping[str, "Answer"] | Each


def multiline(lines: Sequence[str]) -> bytes:
    """["250 host", "ETRN", "SIZE"] as one reply, the code and dashes put in; verbatim where later lines bring a code."""
    if not any(CODED_LINE.match(line) for line in lines[1:]):
        code, texts = lines[0][:3], [lines[0][4:], *lines[1:]]
        lines = [f"{code}-{text}" for text in texts[:-1]] + [f"{code} {texts[-1]}"]
    return "".join(line + "\r\n" for line in lines).encode()


def actions(answer: Answer, argument: str = "") -> list[Action]:
    """The actions that an answer stands for. In a mapping, "*" is the default."""
    if isinstance(answer, Each):
        return actions(answer.take(), argument)
    if isinstance(answer, Mapping):
        return actions(answer[argument] if argument in answer else answer["*"], argument)
    if isinstance(answer, str):
        return [Reply(answer)]
    if isinstance(answer, Action):
        return [answer]
    if all(isinstance(part, str) for part in answer):
        return [Raw(multiline(answer))]
    result: list[Action] = []
    for part in answer:
        action = Reply(part) if isinstance(part, str) else part
        if isinstance(action, Inject) and result and isinstance(result[-1], Raw):
            action = Raw(result.pop().data + action.data)
        result.append(action)
    return result


@dataclass(frozen=True)
class Script:
    """How a server behaves. `verbs` adds or overrides verbs ("AUTH": ...); `delay` seconds pass before each answer, the
    greeting included: a simulated round trip. After the answer to QUIT the server closes, unless told otherwise."""

    greeting: Answer = "220 lab.example ESMTP"
    ehlo: Answer = ("250 lab.example", "ETRN")
    helo: Answer = "250 lab.example"
    etrn: Answer = "250 Queuing started"
    quit: Answer = "221 Bye"
    other: Answer = "500 Command unrecognised"
    delay: float = 0.0
    closes_after_quit: bool = True
    verbs: Mapping[str, Answer] = field(default_factory=dict)

    def answer(self, verb: str) -> Answer:
        table = {"EHLO": self.ehlo, "HELO": self.helo, "ETRN": self.etrn, "QUIT": self.quit, **self.verbs}
        return table.get(verb, self.other)


# A server's behaviour: one script, one for each address, or chosen for the nth connection (from 1) to an address.
Behaviour = Script | Mapping[str, Script] | Callable[[str, int], Script]
