"""A name server of one's own: answers over UDP from a table, and can fail in each way that name servers do.

A zone maps a name to its answer: records such as ("MX", 10, "mx.example") and ("A", "127.0.1.1"), or one of the
failures. A name that is not in the zone does not exist.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from enum import Enum

A, CNAME, MX, AAAA = 1, 5, 15, 28  # RFC 1035 3.2.2, RFC 3596
TYPES = {"A": A, "CNAME": CNAME, "MX": MX, "AAAA": AAAA}


class Failure(Enum):
    SERVFAIL = 2  # RFC 1035 4.1.1
    NXDOMAIN = 3
    REFUSED = 5
    SILENCE = -1  # no answer at all


class Late:
    """An answer that comes after some seconds; the server answers others in the meantime."""

    def __init__(self, seconds: float, records: Sequence[Record]) -> None:
        self.seconds, self.records = seconds, records


Record = tuple  # ("A", address), ("AAAA", address), ("MX", preference, host), ("CNAME", name)
Zone = Mapping[str, Sequence[Record] | Late | Failure]


def encode_name(name: str) -> bytes:
    """Labels, each behind its length; "" or "." is the root."""
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def encode_data(record: Record) -> bytes:
    kind, *data = record
    if kind == "MX":
        return struct.pack("!H", data[0]) + encode_name(data[1])
    if kind == "CNAME":
        return encode_name(data[0])
    return socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, data[0])


def encode_record(record: Record) -> bytes:
    """Of the name that was asked for: a pointer to the question (RFC 1035 4.1.4)."""
    data = encode_data(record)
    return b"\xc0\x0c" + struct.pack("!HHIH", TYPES[record[0]], 1, 60, len(data)) + data


class NameServer:
    """Listens on UDP `address` port 53 from start() (or `with`) to stop(). `asked` holds (name, type) of each question."""

    def __init__(self, address: str, zone: Zone) -> None:
        self.address = address
        self.zone = {name.lower(): answer for name, answer in zone.items()}
        self.asked: list[tuple[str, int]] = []

    def __enter__(self) -> NameServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> NameServer:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", (self.address, 53))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            if answer := self._answer(query):
                threading.Timer(self._delay(query), self._send, (answer, client)).start()

    def _send(self, answer: bytes, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # the server has stopped
            self._socket.sendto(answer, client)

    def _delay(self, query: bytes) -> float:
        found = self.zone.get(read_question(query)[0])
        return found.seconds if isinstance(found, Late) else 0

    # As many name servers do, it adds what was not asked for: its own address. Wine 8 needs that: a name that ends the
    # message it takes for cut.
    def _answer(self, query: bytes) -> bytes | None:
        name, kind, end = read_question(query)
        self.asked.append((name, kind))
        found = self.zone.get(name, Failure.NXDOMAIN)
        if found is Failure.SILENCE:
            return None
        if isinstance(found, Late):
            found = found.records
        code = found.value if isinstance(found, Failure) else 0
        records = [] if isinstance(found, Failure) else [r for r in found if TYPES[r[0]] in (kind, CNAME)]
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 1)  # an answer, authoritative
        return head + query[12:end] + b"".join(map(encode_record, [*records, ("A", self.address)]))


def read_question(query: bytes) -> tuple[str, int, int]:
    """Its name in lower case, its type, and where it ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1:at + 1 + length].decode("latin-1").lower())
        at += 1 + length
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5
