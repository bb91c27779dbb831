"""An SMTP server that behaves exactly as its script says, and records everything that a client does.

Scripts and answers are in script, what a connection does in session, ports in ports. One background thread serves any
number of addresses and some thousand connections. As a program it is the far end of benchmarks (tests/ in PYTHONPATH):

    python3 -m lab.scripted --addresses 200 --port 2525 --delay 0.05      a line when ready; on SIGTERM, a JSON summary
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import json
import resource
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence

from .ports import free_port, listen, loopback
from .script import (Action, Answer, Ask, Behaviour, Close, Deaf, Delay, Drip, Each, EndTls, Inject, Raw, Reply, Reset, Script,
                     Silence, Split, StartTls, Unciphered, actions, multiline)
from .session import FINAL_LINE, Command, Sent, Session

# All that a user of scripted servers needs, by one import.
__all__ = ["FINAL_LINE", "Action", "Answer", "Ask", "Behaviour", "Close", "Command", "Deaf", "Delay", "Drip", "Each", "EndTls",
           "Inject", "Raw", "Reply", "Reset", "Script", "ScriptedServer", "Sent", "Session", "Silence", "Split", "StartTls",
           "Unciphered", "actions", "free_port", "listen", "loopback", "multiline"]


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
