"""How the soak's hosts behave: a table of faults, and which of them each host is given."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.scripted import Answer, Ask, Close, Drip, Inject, Raw, Reset, Script, Silence, Split

USER, PASSWORD, OTHER_PASSWORD = "tim", "soaked-Kx7", "dried-zQ9"
NODES = ("a.example", "b.example", "c.example")

# What a reply to ETRN means (service/README.md, "Replies").
BY_CODE = {250: "started", 251: "nothing-waiting", 252: "pending", 253: "pending", 299: "started", 421: "temporary",
           450: "temporary", 451: "temporary", 458: "unable-to-queue", 459: "not-allowed", 500: "refused", 501: "refused",
           502: "refused", 504: "refused", 530: "needs-security", 550: "refused", 554: "refused"}
SUCCESSES = {"started", "nothing-waiting", "pending"}
PASSING = {"temporary", "no-connection", "timed-out", "lost", "broken"}  # after these the next server is asked


@dataclass(frozen=True)
class Fault:
    """One way to behave. `outcomes` are those that a node without a whole reply of its own may get; with `cut`, a reply
    that was sent may as well be lost on its way."""

    kind: str
    script: Script
    outcomes: frozenset[str] = frozenset()
    cut: bool = False


def fault(kind: str, *outcomes: str, cut: bool = False, **answers: Answer | Mapping[str, Answer]) -> Fault:
    return Fault(kind, Script(**answers), frozenset(outcomes), cut)  # type: ignore[arg-type]


HEALTHY = fault("none")
TALL = ["250-lab.example"] + [f"250-X{n}" for n in range(40)] + ["250 ETRN"]
STARTTLS = ("250 lab.example", "STARTTLS", "ETRN")

QUICK = [
    *[fault("odd reply", etrn=f"{code} That is what it says") for code in BY_CODE if code != 421],
    fault("odd reply", etrn={"b.example": "459 no", "*": "250 OK"}),
    fault("odd reply", etrn=["253 OK, 14 pending messages for node x started"]),
    fault("odd reply", etrn=["250-It takes", "250-three lines", "250 OK"]),
    fault("odd reply", "broken", etrn="354 Go ahead"),
    fault("odd reply", quit="500 What?"),
    fault("421", "temporary", etrn={"a.example": "250 OK", "*": "421 Closing"}),
    fault("421", "temporary", greeting="421 Busy"),
    fault("421", "temporary", ehlo="421 Busy"),
    fault("turned away", "turned-away", greeting="554 no"),
    fault("turned away", "turned-away", ehlo="550 no"),
    fault("turned away", "needs-security", greeting="530 no"),
    fault("turned away", "temporary", ehlo="451 later"),
    fault("turned away", "broken", greeting="354 Go ahead"),
    fault("ETRN not offered", "not-offered", ehlo="502 no"),
    fault("ETRN not offered", "not-offered", ehlo=("250 lab.example", "XETRN", "SIZE")),
    fault("reset", "lost", "no-connection", greeting=Reset()),
    fault("reset", "lost", "no-connection", greeting=["220 hello", Reset()], cut=True),
    fault("reset", "lost", ehlo=Reset()),
    fault("reset", "lost", etrn=Reset()),
    fault("reset", "lost", etrn={"b.example": Reset(), "*": "250 OK"}),
    fault("reset", "lost", etrn=["250 OK", Reset()], cut=True),
    fault("reset", quit=Reset()),
    fault("closed", "lost", greeting=Close()),
    fault("closed", "lost", ehlo=Close()),
    fault("closed", "lost", etrn=Close()),
    fault("closed", "lost", etrn=[Raw(b"250-OK\r\n25"), Close()]),
    fault("closed", "lost", etrn=["250 OK", Close()]),
    fault("injected bytes", "broken", greeting=["220 hello", Inject(b"250 ETRN\r\n")]),
    fault("injected bytes", "broken", ehlo=[Raw(b"250-lab.example\r\n250 ETRN\r\n"), Inject(b"250 OK\r\n")]),
    fault("injected bytes", "broken", etrn=["250 OK", Inject(b"250 OK\r\n250 OK\r\n")]),
    fault("injected bytes", "broken", etrn=[Raw(b"458 Busy\r\n250 OK\r\n")]),
    fault("no SMTP", "broken", greeting=Raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    fault("no SMTP", "broken", greeting=Raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n")),
    fault("no SMTP", "broken", etrn=Raw(b"2x0 OK\r\n")),
    fault("no SMTP", "broken", etrn=Raw(b"250-OK\r\n458 or not\r\n")),
    fault("no SMTP", "broken", ehlo=Raw(b"250-" + b"x" * 100_000)),
    fault("slow reply", greeting=Split(b"220 hello\r\n", [1, 4, 10], 0.002)),
    fault("slow reply", etrn=Split(b"250 OK\r\n", range(1, 8), 0.001)),
    fault("slow reply", ehlo=TALL),
    fault("STARTTLS refused", ehlo=STARTTLS, verbs={"STARTTLS": "454 Not now"}),
    fault("STARTTLS refused", ehlo=STARTTLS, verbs={"STARTTLS": "502 What?"}),
]

TIMED_OUT = [
    fault("silence", "timed-out", greeting=Silence()),
    fault("silence", "timed-out", ehlo=Silence()),
    fault("silence", "timed-out", etrn=Silence()),
    fault("silence", "timed-out", etrn={"a.example": "250 OK", "*": Silence()}),
    fault("silence", quit=Silence()),
    fault("drip", "timed-out", greeting=Drip(b"220-" + b"x" * 200, 0.1)),
    fault("drip", "timed-out", etrn=Drip(b"250-" + b"x" * 200, 0.1)),
]
DRIPS = [
    fault("drip", greeting=Drip(b"220 hello\r\n", 0.02)),
    fault("drip", etrn=Drip(b"250 OK\r\n", 0.02)),
]

TLS = [
    fault("STARTTLS stripped", "no-tls"),
    fault("STARTTLS refused", "no-tls", ehlo=STARTTLS, verbs={"STARTTLS": "454 Not now"}),
    fault("STARTTLS refused", "no-tls", ehlo=STARTTLS, verbs={"STARTTLS": "502 What?"}),
    fault("STARTTLS broken off", "no-tls", "lost", ehlo=STARTTLS, verbs={"STARTTLS": ["220 Go", Close()]}),
    fault("421", "temporary", ehlo=STARTTLS, verbs={"STARTTLS": "421 Closing"}),
    fault("injected bytes", "broken", ehlo=STARTTLS, verbs={"STARTTLS": ["220 Go", Inject(b"250 ETRN\r\n")]}),
]

AUTH = ("250 lab.example", "ETRN", "AUTH PLAIN LOGIN")
LOGIN = ("250 lab.example", "ETRN", "AUTH LOGIN")
AUTH_DONE = fault("none", ehlo=AUTH, verbs={"AUTH": "235 in"})
AUTHS = [
    AUTH_DONE, AUTH_DONE, AUTH_DONE,
    fault("none", ehlo=LOGIN, verbs={"AUTH": [Ask("334 VXNlcm5hbWU6"), Ask("334 UGFzc3dvcmQ6"), "235 in"]}),
    fault("AUTH refused", "no-auth", ehlo=AUTH, verbs={"AUTH": "535 no"}),
    fault("AUTH refused", "temporary", ehlo=AUTH, verbs={"AUTH": "454 later"}),
    fault("AUTH refused", "no-auth", ehlo=LOGIN, verbs={"AUTH": [Ask("334 !!!"), "501 no"]}),
    fault("AUTH refused", "no-auth"),
    fault("reset", "lost", ehlo=AUTH, verbs={"AUTH": Reset()}),
    fault("reset", "lost", ehlo=LOGIN, verbs={"AUTH": [Ask("334 VXNlcm5hbWU6"), Reset()]}),
]

FINGERED = fault("none", "started", greeting=Raw(b""), other=["Your mail is on its way", Close()])
FINGERS = [
    FINGERED, FINGERED, FINGERED,
    fault("closed", "lost", greeting=Raw(b""), other=Close()),
    fault("reset", "lost", greeting=Raw(b""), other=Reset()),
    fault("reset", "lost", "no-connection", greeting=Reset()),
]


def plain(password: str) -> str:
    """What AUTH PLAIN is given."""
    return "PLAIN " + base64.b64encode(f"\0{USER}\0{password}".encode()).decode()


@dataclass(frozen=True)
class Part:
    """One address of the scripted server: of which host it is, and how it may behave."""

    host: str
    healthy: Fault
    faults: Sequence[Fault]
    slow: Sequence[Fault] = ()  # in the beginning of a block also these, which end by a time-out
    quick: bool = True  # it is asked in each round, and done with in a moment


PARTS = [
    *[Part(f"plain-{n}", HEALTHY, QUICK) for n in range(2)],
    Part("falls-back", HEALTHY, QUICK),
    Part("falls-back", HEALTHY, QUICK, quick=False),  # its Fallback: asked after passing trouble of the first
    Part("first-is-down", HEALTHY, QUICK),
    Part("fingered", FINGERED, FINGERS),
    Part("authenticated", AUTH_DONE, AUTHS),
    Part("encrypted", TLS[0], TLS),
    Part("slow", HEALTHY, QUICK + DRIPS, TIMED_OUT, quick=False),
]
