"""The protocol log, read as it grows: the sessions of which it tells, with each node's outcome."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .watch import Failure, demand

FIELDS = 9
NAME = re.compile(r"ETRN(\d{8})-(\d+)\.LOG")
TRYING = re.compile(r"attempting to connect to (\S+) port (\d+)")
NODE = re.compile(r"(\S+\.example): ([a-z-]+)")


@dataclass
class Logged:
    """One session."""

    host: str
    id: str
    to: tuple[str, int] = ("", 0)  # the server
    connected: str = ""  # our end: address:port
    at: float = 0.0  # when that was, in seconds since 1970
    outcomes: list[tuple[str, str]] = field(default_factory=list)  # nodes and what became of them
    ended: bool = False
    rows: list[list[str]] = field(default_factory=list)


def files(folder: Path) -> list[Path]:
    found = [(match[1], int(match[2]), path) for path in folder.glob("*.LOG") if (match := NAME.fullmatch(path.name))]
    return [path for _, _, path in sorted(found)]


def rows_of(path: Path, data: bytes) -> Iterator[list[str]]:
    """The whole rows; what is no row raises Failure."""
    for row in csv.reader(data.decode().split("\r\n")[:-1]):
        if row and not row[0].startswith("#"):
            demand(len(row) == FIELDS, f"{path.name} has a row that is not whole: {row}")
            yield row


class Reader:
    """Takes up what was written behind what it has read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sessions: dict[str, Logged] = {}  # by id, as they began
        self.rows = 0
        self._read: dict[Path, int] = {}
        self._seen: set[str] = set()

    def look(self) -> None:
        for path in files(self.folder):
            with open(path, "rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            data = data[:data.rfind(b"\r\n") + 2] if b"\r\n" in data else b""
            self._read[path] = self._read.get(path, 0) + len(data)
            for row in rows_of(path, data):
                self._take(row)

    def forget(self) -> None:
        self._seen.update(self.sessions)
        self.sessions.clear()

    def _take(self, row: list[str]) -> None:
        at, host, id, sequence, local, remote, event, data, context = row
        self.rows += 1
        if id in self._seen:
            raise Failure(f"the protocol log goes on with a session that was over: {row}")
        session = self.sessions.setdefault(id, Logged(host, id))
        demand(int(sequence) == len(session.rows), lambda: f"a row of the protocol log is out of turn: {row}")
        session.rows.append(row)
        if event == "+":
            session.connected = local
            session.at = datetime.datetime.fromisoformat(at).timestamp()
        elif event == "-":
            session.ended = True
        elif event == "*" and (trying := TRYING.fullmatch(context)):
            session.to = trying[1], int(trying[2])
        elif event == "*" and (node := NODE.fullmatch(context)):
            session.outcomes.append((node[1], node[2]))
