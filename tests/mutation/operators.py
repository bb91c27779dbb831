"""What can be changed in a C file: each mutant is one change that a test should notice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(r"""
    (?P<blank>\s+|/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:[^\n\\]|\\.)*)
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*(?![.\w]))
  | (?P<word>[A-Za-z_]\w*)
  | (?P<operator>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

SWAPS = {
    "boundary": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "relation": {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="},
    "logic": {"&&": "||", "||": "&&"},
}
NO_STATEMENT = {"if", "for", "while", "do", "switch", "case", "default", "else", "goto", "static", "const", "struct", "enum",
                "union", "typedef", "unsigned", "char", "int", "long", "double", "bool", "void"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class Mutant:
    """A change of source[start:end]."""

    operator: str
    start: int
    end: int
    replacement: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.replacement + source[self.end :]

    def line(self, source: str) -> int:
        return source.count("\n", 0, self.start) + 1

    def before_and_after(self, source: str) -> tuple[str, str]:
        """The line where the change begins as it was, and all that stands there now."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        return (" ".join(source[first:last].split()),
                " ".join((source[first : self.start] + self.replacement + source[self.end : last]).split()))


def tokens(source: str) -> list[Token]:
    found = (Token(match.lastgroup or "", match[0], match.start()) for match in TOKEN.finditer(source))
    return [token for token in found if token.kind != "blank"]


def closing(code: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at this index."""
    depth = 0
    for i in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i].text, 0)
        if depth == 0:
            return i
    raise ValueError("a bracket is never closed")


def bodies(code: list[Token]) -> list[bool]:
    """For each token, whether it is inside the body of a function."""
    inside, depth, body = [], 0, False
    for i, token in enumerate(code):
        if token.text == "{":
            body = body or (depth == 0 and code[i - 1].text == ")")
            depth += 1
        inside.append(body)
        if token.text == "}":
            depth -= 1
            body = body and depth > 0
    return inside


def between_brackets(code: list[Token]) -> list[bool]:
    """For each token, whether it is inside of (...)."""
    inside, depth = [], 0
    for token in code:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        inside.append(depth > 0)
    return inside


def operators(code: list[Token], inside: list[bool]) -> Iterator[Mutant]:
    for token, within in zip(code, inside):
        for name, swap in SWAPS.items():
            if within and token.text in swap:
                yield Mutant(name, token.start, token.end, swap[token.text])


def constants(code: list[Token]) -> Iterator[Mutant]:
    for token in code:
        if token.kind == "number":
            digits = token.text.rstrip("uUlL")
            value, suffix = int(digits, 0) if digits.lower().startswith("0x") else int(digits), token.text[len(digits):]
            for other in (value + 1, value - 1):
                text = f"{other}{suffix}" if other >= 0 else f"({other})"
                yield Mutant("constant", token.start, token.end, text)


def negations(source: str, code: list[Token]) -> Iterator[Mutant]:
    """Each condition of if and while the other way round."""
    for i, token in enumerate(code[:-1]):
        if token.text in ("if", "while") and code[i + 1].text == "(":
            last = closing(code, i + 1)
            start, end = code[i + 1].end, code[last].start
            yield Mutant("negation", start, end, f"!({source[start:end]})")


def removals(code: list[Token], inside: list[bool]) -> Iterator[Mutant]:
    """Each call, assignment, jump and return taken out; but not the last return of a function or block with a value."""
    within = between_brackets(code)
    for i, token in enumerate(code[:-1]):
        if not inside[i] or within[i] or token.kind != "word" or not begins_statement(code, i):
            continue
        end = next((j for j in range(i, len(code)) if code[j].text in (";", "{", "}")), None)
        if end is None or code[end].text != ";":
            continue
        if token.text == "return" and end > i + 1 and code[end + 1].text == "}":
            continue
        yield Mutant("removal", token.start, code[end].start, "")


def begins_statement(code: list[Token], i: int) -> bool:
    """Whether a statement that is no declaration and has no statement of its own begins at this word."""
    previous, following = code[i - 1].text, code[i + 1]
    if previous not in ("{", "}", ";", ")", "else", ":") or previous == ")" and not ends_heading(code, i - 1):
        return False
    is_declaration = code[i].text != "return" and (following.kind == "word" or following.text == "*")
    return code[i].text not in NO_STATEMENT and not is_declaration


def ends_heading(code: list[Token], last: int) -> bool:
    """Whether the bracket that ends here is that of an if, for, while or switch."""
    depth = 0
    for i in range(last, -1, -1):
        depth += {")": 1, "(": -1}.get(code[i].text, 0)
        if depth == 0:
            return code[i - 1].text in ("if", "for", "while", "switch")
    return False


def mutants(source: str) -> list[Mutant]:
    code = tokens(source)
    inside = bodies(code)
    return sorted([*operators(code, inside), *constants(code), *negations(source, code), *removals(code, inside)],
                  key=lambda each: (each.start, each.end, each.replacement))
