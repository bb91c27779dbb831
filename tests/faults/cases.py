"""The cases of *.cases: each is one behaviour of a host, written as a dialogue, and the expected results. README.md
describes the language. Two runners use them: run.c natively against service/core, with a simulated clock and input
cut in every way, and test_faults.py under Wine against the service. As a program this prints all cases in full, for
run.c."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NODES = ("a.example", "b.example")
HEADING = re.compile(r"== (\d+\.\d+) (.+)")
RESULT = re.compile(r'([a-z-]+)(?: (\d{3}))?(?: "(.*)")?')
REPEATED = re.compile(rb"(.{1,60}?)\1{49,}", re.DOTALL)
USER, PASSWORD = "tim", "tanstaaftanstaaf"  # of cases that say `user`
PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
OFFER = ["S: 250-mx.example", "S: 250 ETRN"]
OFFER_TLS = ["S: 250-mx.example", "S: 250-STARTTLS", "S: 250 ETRN"]


@dataclass(frozen=True)
class Step:
    """One step. `kind` is S (bytes from the host, in one segment), C (a command to it), wait, drip, close, reset,
    TLS, or again (the following steps are on another connection)."""

    kind: str
    data: bytes = b""
    seconds: float = 0.0
    words: str = ""  # of TLS: the certificate that the host wears, and what the client is to make of it


@dataclass(frozen=True)
class Result:
    outcome: str
    code: int | None = None
    words: str = ""


@dataclass
class Case:
    id: str  # 4.1[502]
    title: str
    settings: dict[str, int | str] = field(default_factory=dict)
    nodes: tuple[str, ...] = NODES
    steps: list[Step] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)  # of each node
    only: str = ""  # "native" or "Wine" where the other cannot play it

    @property
    def group(self) -> int:
        return int(self.id.partition(".")[0])

    @property
    def commands(self) -> list[str]:
        return [step.data.decode() for step in self.steps if step.kind == "C"]


def unescape(text: str) -> bytes:
    r"""\r \n \0 \xNN and \\ as in C; {1000*x} is x a thousand times."""
    special = {"r": b"\r", "n": b"\n", "0": b"\0", "\\": b"\\"}
    octets = b""
    for n, part in enumerate(re.split(r"(\{\d+\*[^}]*\}|\\(?:x[0-9a-f]{2}|.))", text)):
        if n % 2 == 0:
            octets += part.encode()
        elif part[0] == "{":
            count, _, what = part[1:-1].partition("*")
            octets += int(count) * unescape(what)
        else:
            octets += special.get(part[1]) or bytes([int(part[2:], 16)])
    return octets


def escape(data: bytes) -> str:
    r"""The reverse, for run.c: unprintable bytes as \xNN, long repetitions as {1000*x}."""

    def plain(octets: bytes) -> str:
        return "".join(chr(each) if 0x20 <= each < 0x7F and each not in b"\\{}" else f"\\x{each:02x}" for each in octets)

    if len(data) < 1000:
        return plain(data)
    parts, at = [], 0
    for found in REPEATED.finditer(data):
        parts += [plain(data[at:found.start()]), f"{{{len(found[0]) // len(found[1])}*{plain(found[1])}}}"]
        at = found.end()
    return "".join([*parts, plain(data[at:])])


class Author:
    """Builds one case, line by line."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.asked = 0  # ETRN commands so far
        self._join = False

    def take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        getattr(self, "do_" + {"S:": "line", "S-": "bytes", "C:": "command", "TLS:": "tls"}.get(word, word))(rest)

    def take_all(self, *lines: str) -> None:
        for line in lines:
            self.take(line)

    # Settings

    def do_set(self, rest: str) -> None:
        name, _, value = rest.partition(" ")
        self.case.settings[name] = int(value) if value.isdigit() else value

    def do_user(self, _: str) -> None:
        self.case.settings |= {"User": USER, "Password": PASSWORD}

    def do_nodes(self, rest: str) -> None:
        self.case.nodes = tuple(unescape(node).decode() for node in rest.split("|")) if rest else ()

    def do_only(self, rest: str) -> None:
        assert rest in ("native", "Wine"), rest
        self.case.only = rest

    # The host

    def _say(self, data: bytes) -> None:
        steps = self.case.steps
        if self._join:
            steps[-1] = replace(steps[-1], data=steps[-1].data + data)
        else:
            steps.append(Step("S", data))
        self._join = True

    def _step(self, step: Step) -> None:
        self.case.steps.append(step)
        self._join = False

    def do_line(self, rest: str) -> None:
        self._say(unescape(rest) + b"\r\n")

    def do_bytes(self, rest: str) -> None:
        self._say(unescape(rest))

    def do_wait(self, rest: str) -> None:
        self._step(Step("wait", seconds=float(rest)))

    def do_drip(self, rest: str) -> None:
        seconds, _, text = rest.partition(" ")
        self._step(Step("drip", unescape(text), float(seconds)))

    def do_close(self, _: str) -> None:
        self._step(Step("close"))

    def do_reset(self, _: str) -> None:
        self._step(Step("reset"))

    def do_again(self, _: str) -> None:
        self._step(Step("again"))

    def do_tls(self, rest: str) -> None:
        self._step(Step("TLS", words=rest))

    # What is to come of it

    def do_command(self, rest: str) -> None:
        self.asked += rest.startswith("ETRN ")
        self._step(Step("C", rest.encode()))

    def do_node(self, rest: str) -> None:
        found = RESULT.fullmatch(rest)
        assert found, f"{self.case.id}: {rest}"
        self.asked += found[1] == "bad-node"  # which passes it over
        self.case.results.append(Result(found[1], int(found[2]) if found[2] else None, found[3] or ""))

    def do_rest(self, rest: str) -> None:
        while len(self.case.results) < len(self.case.nodes):
            self.do_node(rest)

    # Healthy stretches

    def do_to(self, rest: str) -> None:
        """Adds the steps up to the host's reply to this command."""
        secure, _, state = rest.rpartition("+")
        self.take("S: 220 mx.example ESMTP") if state != "greeting" or secure else None
        if secure or state in ("STARTTLS", "TLS"):
            self.take_all("C: EHLO", *OFFER_TLS, "C: STARTTLS")
            if state == "STARTTLS":
                return
            self.take("S: 220 go ahead")
            if state == "TLS":
                return
            self.take("TLS: good")
        if state == "greeting":
            return
        self.take("C: EHLO")
        if state == "EHLO":
            return
        if state in ("PLAIN", "LOGIN"):
            self.take_all(OFFER[0], f"S: 250-AUTH {state}", OFFER[1])
            self.take(f"C: AUTH PLAIN {PLAIN}" if state == "PLAIN" else "C: AUTH LOGIN")
            return
        self.take_all(*OFFER)
        wanted = len(self.case.nodes) if state == "QUIT" else int(state.removeprefix("ETRN")) - 1
        while self.asked < wanted:
            self._ask()
        self.take("C: QUIT" if state == "QUIT" else f"C: ETRN {self.case.nodes[self.asked]}")

    def _ask(self) -> None:
        self.take_all(f"C: ETRN {self.case.nodes[self.asked]}", "S: 250 Queuing started", "node started 250")

    def do_finish(self, _: str) -> None:
        """Lets all remaining nodes and QUIT succeed."""
        while self.asked < len(self.case.nodes):
            self._ask()
        self.do_quit("")

    def do_quit(self, _: str) -> None:
        self.take_all("C: QUIT", "S: 221 Bye")


def written(number: str, title: str, lines: list[str]) -> Iterator[Case]:
    """Returns one case, or one for each word of `each`."""
    each = [line.removeprefix("each ") for line in lines if line.startswith("each ")]
    lines = [line for line in lines if not line.startswith("each ")]
    for word in " ".join(each).split() if each else [""]:
        parts = word.replace("_", " ").split("/")
        case = Case(f"{number}[{parts[0]}]" if word else number, title)
        author = Author(case)
        for line in lines:
            author.take(re.sub(r"\$(\d)", lambda found: parts[int(found[1]) - 1], line))
        assert len(case.results) == len(case.nodes), f"{case.id}: {len(case.results)} results"
        yield case


def read(path: Path) -> Iterator[Case]:
    heading, lines = None, []
    for line in [*path.read_text().splitlines(), "== 0.0 end"]:
        if found := HEADING.fullmatch(line):
            if heading:
                yield from written(*heading.groups(), lines)
            heading, lines = found, []
        elif heading and line and not line.startswith("#"):
            lines.append(line)


def all_cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for path in sorted(FOLDER.glob("*.cases")):
        for case in read(path):
            assert case.id not in cases, f"{case.id} stands twice"
            assert case.group == int(path.name[:2]), f"{case.id} is in {path.name}"
            cases[case.id] = case
    return cases


def plain(case: Case) -> str:
    """Returns the case in the format of run.c: one step a line, bytes escaped."""
    lines = [f"case {case.id}"]
    lines += [f"set {name} {value}" for name, value in case.settings.items()]
    lines += [f"node {escape(node.encode())}" for node in case.nodes]
    for step in case.steps:
        verdict = step.words.partition(", ")[2] or "good"
        lines.append(f"{step.kind} {int(step.seconds * 1000)} {verdict if step.words else escape(step.data)}")
    lines += [f"result {result.outcome} {result.code or 0} {result.words}" for result in case.results]
    return "\n".join([*lines, "end"])


def main() -> None:
    sys.stdout.writelines(plain(case) + "\n" for case in all_cases().values() if case.only != "Wine")


if __name__ == "__main__":
    main()
