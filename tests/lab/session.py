"""One connection to a scripted server: serves it, and records all that the client does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .script import Answer, Cancelled, StartTls, actions

if TYPE_CHECKING:
    from .scripted import ScriptedServer

LINE_LIMIT = 512  # RFC 5321 4.5.3.1.4, CRLF included
ANSWER_LIMIT = 12288  # of a line within AUTH, RFC 4954 4
INPUT_LIMIT = 65536  # without an end of line: the session is cut
FINAL_LINE = re.compile(rb"\d{3}(?: .*)?\Z", re.DOTALL)


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
