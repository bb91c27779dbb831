"""A DNS server for names that must fail in a certain way: `servfail.` answers SERVFAIL, `silent.` not at all, all others
do not exist. It listens where /etc/resolv.conf may point: 127.0.0.253, port 53."""

from __future__ import annotations

import socket
import threading

ADDRESS = "127.0.0.253"
SERVFAIL, NXDOMAIN = 2, 3
HEADER_SIZE = 12


def first_label(query: bytes) -> str:
    length = query[HEADER_SIZE] if len(query) > HEADER_SIZE else 0
    return query[HEADER_SIZE + 1:HEADER_SIZE + 1 + length].decode("latin-1").lower()


def reply(query: bytes) -> bytes:
    """The query, made a reply without answers (RFC 1035 section 4.1.1): QR, RD as asked, RA, and the code."""
    code = SERVFAIL if first_label(query) == "servfail" else NXDOMAIN
    end = query.index(0, HEADER_SIZE) + 5  # of the question, behind type and class
    return query[:2] + bytes([0x80 | query[2] & 0x01, 0x80 | code]) + query[4:6] + bytes(6) + query[HEADER_SIZE:end]


def serve() -> bool:
    """Starts answering, until the process ends. False where the port is not to be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.bind((ADDRESS, 53))
    except OSError:
        listener.close()
        return False

    def answer() -> None:
        while True:
            query, peer = listener.recvfrom(512)
            if first_label(query) != "silent":
                listener.sendto(reply(query), peer)

    threading.Thread(target=answer, daemon=True).start()
    return True
