"""Golden files: what a person reads after each command, written down whole and compared whole.

A file of tests/wine/golden is a session: "$ etrnctl ..." lines, each followed by what the command prints, lines of
standard error marked by "2> ", and by [exit CODE]. compare() runs these commands in their order. What stands between
them is a comment.

{port} and other names in braces stand for what the test gives, or for what differs from run to run (CHANGING).

With ACCEPT=1 in the environment a file that differs is written anew, as the program is now: to be read, line by line, as
a change of what people see.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .machine import Machine, Reply

FOLDER = Path(__file__).resolve().parent / "golden"
BLOCK = re.compile(r"^\$ (etrnctl.*)\n((?:.*\n)*?\[exit \d+\])$", re.M)
ERROR_MARK = "2>"

CHANGING = {
    "age": r"just now|\d+ seconds? ago",
    "s": r"[2-9]",
    "ms": r"\d+(?:\.\d)?",
    "n": r"\d+",
    "version": r"\d+\.\d+\.\d+",
}
LONGEST = {"age": "59 seconds ago", "s": "9", "ms": "9999.9", "n": "99", "version": "10.10.10", "port": "65535"}


@dataclass(frozen=True)
class Block:
    """One command and its expected output."""

    command: str
    expected: list[str]


def blocks(name: str) -> list[Block]:
    text = (FOLDER / f"{name}.txt").read_text()
    found = [Block(command, expected.split("\n")) for command, expected in BLOCK.findall(text)]
    assert len(found) == len(re.findall(r"^\$ ", text, re.M)) > 0, f"{name}.txt: a command without [exit CODE]"
    return found


def replaced(line: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        line = line.replace(old, new)
    return line


def fill(line: str, values: dict[str, str]) -> str:
    return replaced(line, {f"{{{name}}}": value for name, value in values.items()})


def pattern(line: str) -> str:
    escaped = re.escape(line)
    for name, changing in CHANGING.items():
        escaped = escaped.replace(re.escape(f"{{{name}}}"), f"(?:{changing})")
    return escaped


def session(reply: Reply) -> list[str]:
    """Returns a reply as golden files show it."""
    errors = [f"{ERROR_MARK} {line}".rstrip() for line in reply.err.splitlines()]
    return [*reply.out.splitlines(), *errors, f"[exit {reply.code}]"]


def difference(command: str, expected: list[str], found: list[str]) -> str:
    """Empty when there is none. Lines that match are shown as they are expected."""
    if re.fullmatch("\n".join(map(pattern, expected)), "\n".join(found)):
        return ""
    shown = [next((line for line in expected if re.fullmatch(pattern(line), seen)), seen) for seen in found]
    return "\n".join([f"$ {command}", *difflib.unified_diff(expected, shown, "expected", "found", n=99, lineterm="")])


def accept(name: str, block: Block, found: list[str], values: dict[str, str]) -> None:
    """Replaces the expected output by the actual one; matching lines stay as they are in the file."""

    def written(seen: str) -> str:
        for line in block.expected:
            if re.fullmatch(pattern(fill(line, values)), seen):
                return line
        for key, value in sorted(values.items(), key=lambda item: -len(item[1])):
            seen = seen.replace(value, f"{{{key}}}")
        return seen

    path = FOLDER / f"{name}.txt"
    old, new = ("\n".join([f"$ {block.command}", *lines]) for lines in (block.expected, map(written, found)))
    path.write_text(path.read_text().replace(old, new, 1))


def compare(machine: Machine, name: str, shown: Mapping[str, str] = {}, **given: object) -> None:
    """`shown`: what the file has in place of texts that are found."""
    values = {key: str(value) for key, value in given.items()}
    differences = []
    for block in blocks(name):
        command = fill(block.command, values)
        reply = machine.ctl(*shlex.split(command.replace("\\", "\\\\"))[1:])
        found = [replaced(line, shown) for line in session(reply)]
        differences.append(difference(command, [fill(line, values) for line in block.expected], found))
        if differences[-1] and os.environ.get("ACCEPT"):
            accept(name, block, found, values)
    assert not any(differences), "\n\n".join(filter(None, differences))


def too_wide(name: str) -> list[str]:
    """Returns the lines of standard output that exceed 80 columns; a value is never broken."""
    lines = [fill(line, LONGEST) for block in blocks(name) for line in block.expected]
    return [line for line in lines if not line.startswith(ERROR_MARK) and " is now " not in line and len(line) > 80]
