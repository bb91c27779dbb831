#!/usr/bin/python3
"""An SMTP server that behaves exactly as its script says, and records everything that a client does.

A Script gives an answer for each verb; an answer is data: a line, a list of lines, a list of actions (Drip, Reset, ...),
a mapping from argument to answer, or Each(...), one answer after another. One background thread serves any number of
addresses and some thousand connections. As a program it is the far end of benchmarks:

    scripted.py --addresses 200 --port 2525 --delay 0.05      prints a line when ready; on SIGTERM, a JSON summary
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import errno
import ipaddress
import json
import re
import resource
import signal
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LINE_LIMIT = 512  # RFC 5321 4.5.3.1.4, CRLF included
ANSWER_LIMIT = 12288  # of a line within AUTH, RFC 4954 4
INPUT_LIMIT = 65536  # without an end of line: the session is cut
FINAL_LINE = re.compile(rb"\d{3}(?: .*)?\Z", re.DOTALL)
CODED_LINE = re.compile(r"\d{3}[ -]")


# Actions: what a server can do in answer to a command. A new one (an AUTH dialogue) is one more class with act().


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


@dataclass(frozen=True)
class Command:
    """One line from a client. `raw` is what came, end of line included; `secure` when through TLS."""

    time: float
    address: str
    verb: str
    argument: str
    raw: bytes
    secure: bool = False


@dataclass(frozen=True)
class Sent:
    time: float
    data: bytes


class Session(asyncio.Protocol):
    """One connection: serves it, and is its record. Times are time.monotonic(); `violations` are sentences."""

    transport: asyncio.Transport

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.address = self.peer = ""
        self.number = 0  # of this connection at its address, from 1
        self.opened = 0.0
        self.closed: float | None = None
        self.error: Exception | None = None  # how the connection was lost, when not in order
        self.commands: list[Command] = []
        self.sent: list[Sent] = []
        self.violations: list[str] = []
        self.deaf = False
        self.tls: ssl.SSLObject | None = None
        self.tls_error: ssl.SSLError | None = None  # why there was no handshake
        self.tls_ended = False  # by the client's close_notify
        self.answers: list[str] = []  # to Ask
        self._owed = "greeting"  # what the client must wait for before it may speak; empty when it may
        self._unfinished = b""  # the last line sent, while it has no end
        self._input = bytearray()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def __str__(self) -> str:
        """The transcript, for failing tests."""
        lines = [(command.time, f"C: {command.raw!r}") for command in self.commands]
        lines += [(sent.time, f"S: {sent.data[:200]!r}") for sent in self.sent]
        lines.sort(key=lambda line: line[0])
        text = [f"{self.address} connection {self.number}"]
        text += [f"{at - self.opened:8.3f} {line}" for at, line in lines]
        text += [f"    violation: {violation}" for violation in self.violations]
        text += [f"{self.closed - self.opened:8.3f} closed {self.error or ''}" if self.closed else "         still open"]
        return "\n".join(text)

    def last_etrn_answered(self) -> float | None:
        """When the answer to the session's last ETRN began."""
        asked = [command.time for command in self.commands if command.verb == "ETRN"]
        return next((sent.time for sent in self.sent if sent.time >= asked[-1]), None) if asked else None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(0)  # "sent" means handed to the kernel
        self.address, self.peer = transport.get_extra_info("sockname")[0], transport.get_extra_info("peername")[0]
        self.opened = time.monotonic()
        self._script = self.server._session_opened(self)
        self._task = asyncio.get_running_loop().create_task(self._converse())
        self._task.add_done_callback(self._conversed)

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            return
        if self.tls:
            self._ciphered.write(data)
            data = self._decipher()
        if self._owed and data:
            self._violation(f"{len(data)} bytes before the reply to {self._owed}: {data[:60]!r}")
        self._input += data
        self._arrived.set()

    def eof_received(self) -> None:
        if self.tls and not self._shaken:
            self._ciphered.write_eof()
            self._arrived.set()

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._task.cancel()
        if self._input:
            self._violation(f"the connection ended within a line: {bytes(self._input[:60])!r}")
        with self.server._changed:
            self.error = exc
            self.closed = time.monotonic()
            self.server._session_closed()

    # The conversation

    async def send(self, data: bytes) -> None:
        """Sends, and returns when the kernel has it all."""
        with self.server._changed:
            self.sent.append(Sent(time.monotonic(), data))
        if self.tls:
            step = self._how.record or len(data)
            for start in range(0, len(data), step):
                self.tls.write(data[start:start + step])
            await self._flush()
        else:
            self.transport.write(data)
        await self._drained.wait()
        *lines, self._unfinished = (self._unfinished + data).split(b"\r\n")
        if any(FINAL_LINE.match(line) for line in lines):
            self._owed = ""

    async def start_tls(self, how: StartTls) -> None:
        self._how, self._shaken, self._flushed = how, False, 0
        self._ciphered, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = how.context.wrap_bio(self._ciphered, self._outgoing, server_side=True)
        self._ciphered.write(bytes(self._input))  # what came meanwhile
        self._input.clear()
        while not self._shaken:
            self._arrived.clear()
            try:
                self.tls.do_handshake()
                self._shaken = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                self.tls_error = error
            await self._flush()
            if self.tls_error or self.transport.is_closing():
                self.transport.close()
                return
            if not self._shaken:
                await self._arrived.wait()
        self._input += self._decipher()

    async def end_tls(self) -> None:
        assert self.tls
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self._flush()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if self._how.cut and self._flushed + len(data) > self._how.cut:
            self.transport.write(data[:self._how.cut - self._flushed])
            self.transport.close()
            return
        self._flushed += len(data)
        step = self._how.segment or len(data) or 1
        for start in range(0, len(data), step):
            if start:
                await asyncio.sleep(self._how.pause)
            if not self.transport.is_closing():
                self.transport.write(data[start:start + step])

    def _decipher(self) -> bytes:
        assert self.tls
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while self._shaken and (part := self.tls.read(65536)):
                data += part
            self.tls_ended = self._shaken
        return data

    async def receive_line(self, limit: int = LINE_LIMIT) -> bytes:
        """The client's next line, checked; also for dialogues inside a command (AUTH)."""
        while (end := self._input.find(b"\n") + 1) == 0:
            if len(self._input) > INPUT_LIMIT:
                self._violation(f"{len(self._input)} bytes without an end of line")
                self.transport.abort()
            self._arrived.clear()
            await self._arrived.wait()
        line = bytes(self._input[:end])
        del self._input[:end]
        if not line.endswith(b"\r\n"):
            self._violation(f"not ended by CRLF: {line[:60]!r}")
        if len(line) > limit:
            self._violation(f"{len(line)} bytes in a line: {line[:60]!r}")
        if any(byte < 0x20 or byte > 0x7E for byte in line.rstrip(b"\n").removesuffix(b"\r")):
            self._violation(f"control or 8-bit characters: {line[:60]!r}")
        if self._input:
            self._violation(f"{len(self._input)} bytes behind {line[:60]!r}, not waiting for its reply")
        return line

    async def ask(self, text: str) -> None:
        self._unfinished = b""
        await self.send(text.encode() + b"\r\n")
        self._owed = ""
        answer = (await self.receive_line(ANSWER_LIMIT)).decode("latin-1").rstrip("\r\n")
        self._owed = "an answer"
        with self.server._changed:
            self.answers.append(answer)
            self.server._changed.notify_all()
        if answer == "*":
            raise Cancelled

    async def _converse(self) -> None:
        await self._act(self._script.greeting, "")
        while not self.transport.is_closing():
            line = await self.receive_line()
            verb, _, argument = line.decode("latin-1").strip("\r\n").partition(" ")
            command = Command(time.monotonic(), self.address, verb.upper(), argument, line, self.tls is not None)
            self._owed = command.verb or "an empty line"
            with self.server._changed:
                self.commands.append(command)
                self.server._command_received(command)
            await self._act(self._script.answer(command.verb), argument)
            if command.verb == "QUIT" and self._script.closes_after_quit:
                self.transport.close()

    def _conversed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._violation(f"not the client's fault, the script failed: {error!r}")
            self.transport.abort()

    async def _act(self, answer: Answer, argument: str) -> None:
        self._unfinished = b""
        if self._script.delay:
            await asyncio.sleep(self._script.delay)
        for action in actions(answer, argument):
            try:
                await action.act(self)
            except Cancelled:
                await self.send(b"501 Cancelled\r\n")
                break
            if self.transport.is_closing():
                return
        self._owed = ""

    def _violation(self, sentence: str) -> None:
        with self.server._changed:
            self.violations.append(sentence)
            self.server._changed.notify_all()


def loopback(count: int) -> list[str]:
    """127.0.0.1, 127.0.0.2 and so on."""
    first = ipaddress.IPv4Address("127.0.0.1")
    return [str(first + n) for n in range(count)]


def listen(addresses: Sequence[str], port: int = 0) -> list[socket.socket]:
    """Sockets listening on one port of all the addresses; port 0 finds one that is free on each."""
    for _ in range(100):
        sockets: list[socket.socket] = []
        try:
            chosen = port
            for address in addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                sockets.append(socket.create_server((address, chosen), family=family, backlog=4096))
                chosen = sockets[0].getsockname()[1]
            return sockets
        except OSError as error:
            for each in sockets:
                each.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port is free on all of {len(addresses)} addresses")


def free_port(addresses: Sequence[str] = ("127.0.0.1",)) -> int:
    """A port on which nothing listens now: for a server that is started later, or a host that is down."""
    sockets = listen(addresses)
    port = sockets[0].getsockname()[1]
    for each in sockets:
        each.close()
    return port


class ScriptedServer:
    """Listens from start() (or `with`) to stop(). All methods may be called from any thread.

    `sessions` holds a record of every connection, in order of opening.
    """

    def __init__(self, behaviour: Behaviour = Script(), addresses: Sequence[str] = ("127.0.0.1",), port: int = 0) -> None:
        self.addresses = list(addresses)
        self.port = port
        self.sessions: list[Session] = []
        self.max_open = 0  # most connections open at one time
        self._behaviour = behaviour
        self._commands: list[Command] = []
        self._connections: dict[str, int] = {}
        self._open = 0
        self._changed = threading.Condition(threading.RLock())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return self.addresses[0]

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> ScriptedServer:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        sockets = listen(self.addresses, self.port)  # connections queue from here on
        self.port = sockets[0].getsockname()[1]
        self._loop = asyncio.new_event_loop()
        serving = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(self._loop, sockets, serving), daemon=True)
        self._thread.start()
        serving.wait(10)
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Cuts what is open and stops listening. The record stays."""
        if self._loop and self._thread and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        atexit.unregister(self.stop)

    def set_script(self, behaviour: Behaviour) -> None:
        """The behaviour of connections opened from now on."""
        with self._changed:
            self._behaviour = behaviour

    def commands(self, verb: str | None = None) -> list[Command]:
        """The commands of all sessions as they came, or those with one verb."""
        with self._changed:
            return [command for command in self._commands if verb in (None, command.verb)]

    def etrns(self) -> list[str]:
        """The arguments of all ETRN commands as they came."""
        return [command.argument for command in self.commands("ETRN")]

    def violations(self) -> list[str]:
        with self._changed:
            return [violation for session in self.sessions for violation in session.violations]

    def forget(self) -> None:
        """Empties the record."""
        with self._changed:
            self.sessions.clear()
            self._commands.clear()

    def open_count(self) -> int:
        return self._open

    def wait_for(self, what: int | Callable[[ScriptedServer], bool], timeout: float = 30.0) -> None:
        """Returns when so many ETRN commands have come, or what(server) is true; else raises TimeoutError with the
        transcript. An ETRN counts when it comes, before it is answered."""
        condition = what if callable(what) else lambda server: len(server.etrns()) >= what
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"not within {timeout} s. The record:\n{self.transcript()}")

    def transcript(self) -> str:
        with self._changed:
            return "\n".join(map(str, self.sessions)) or "no connection came"

    def summary(self) -> dict[str, float | int]:
        """What a benchmark wants: seconds run from the first connection, which came at `began` (time.monotonic(), one
        clock for all processes), to the last ETRN, and to the first bytes of the last answer to one; `slowest_seconds` are
        those of the address that took longest from its own first connection."""
        with self._changed:
            etrns = self.commands("ETRN")
            began = self.sessions[0].opened if self.sessions else 0.0
            opened: dict[str, float] = {}
            answered: dict[str, float] = {}
            for session in self.sessions:
                opened.setdefault(session.address, session.opened)
                if answer := session.last_etrn_answered():
                    answered[session.address] = max(answer, answered.get(session.address, 0.0))
            return {
                "sessions": len(self.sessions),
                "etrns": len(etrns),
                "began": began,
                "seconds": round(etrns[-1].time - began, 4) if etrns else 0.0,
                "answered_seconds": round(max(answered.values(), default=began) - began, 4),
                "slowest_seconds": round(max((answered[each] - opened[each] for each in answered), default=0.0), 4),
                "peak_open": self.max_open,
                "violations": len(self.violations()),
            }

    # In the server's thread

    def _serve(self, loop: asyncio.AbstractEventLoop, sockets: list[socket.socket], serving: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        servers = [loop.run_until_complete(loop.create_server(lambda: Session(self), sock=each, backlog=4096))
                   for each in sockets]
        loop.call_soon(serving.set)
        loop.run_forever()
        for server in servers:
            server.close()
        while tasks := asyncio.all_tasks(loop):  # a connection just being accepted becomes a session first
            for session in self.sessions:
                session.transport.abort()
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.1))
        loop.close()

    def _session_opened(self, session: Session) -> Script:
        with self._changed:
            session.number = self._connections[session.address] = self._connections.get(session.address, 0) + 1
            self.sessions.append(session)
            self._open += 1
            self.max_open = max(self.max_open, self._open)
            self._changed.notify_all()
            if isinstance(self._behaviour, Script):
                return self._behaviour
            if isinstance(self._behaviour, Mapping):
                return self._behaviour[session.address]
            return self._behaviour(session.address, session.number)

    def _session_closed(self) -> None:
        self._open -= 1
        self._changed.notify_all()

    def _command_received(self, command: Command) -> None:
        self._commands.append(command)
        self._changed.notify_all()


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted SMTP server for benchmarks.")
    parser.add_argument("--addresses", type=int, default=1, metavar="N", help="listen on 127.0.0.1 and the N-1 after it")
    parser.add_argument("--port", type=int, default=2525, help="0: any free one")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="wait before each reply")
    options = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with ScriptedServer(Script(delay=options.delay), loopback(options.addresses), options.port) as server:
        print(f"ready on {server.addresses[0]} to {server.addresses[-1]}, port {server.port}", flush=True)
        signal.sigwait(ends)
        print(json.dumps(server.summary()), flush=True)


if __name__ == "__main__":
    main()
