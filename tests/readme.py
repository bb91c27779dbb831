"""What the README files take from elsewhere: tables from the programs' own tables, and sessions from golden files.

In a README a block stands between <!-- NAME --> and <!-- end -->. Run as a program (`make readme`) this writes all blocks
but those of `make bench` and `make soak`; tests/wine/test_readme.py checks that they are what it would write.
"""
from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / folder / "README.md" for folder in ("", "service", "regtool", "installer", "tests")]
GOLDEN = sorted((ROOT / "tests/wine/golden").glob("readme*.txt"))
SHOWN = {"age": "2 seconds ago", "ms": "4", "s": "2"}  # for the names in braces of the golden files
sys.path.insert(0, str(ROOT / "tests"))

from lab.wine import WinePrefix  # noqa: E402


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def commands(run) -> str:
    overview = run("--help")
    names = re.findall(r"^  ([a-z]+) {2,}\S", overview, re.MULTILINE)
    rows = []
    for name in names:
        head = run(name, "--help").partition("\n\n")[0]
        usage, summary = " ".join(head.split("\n")).split(": ", 1)
        rows.append([f"`{usage}`", summary])
    return table(["command", "what it does"], rows)


def settings(run, *host: str) -> str:
    listed = json.loads(run("config", "list", "--json", *host))["settings"]
    return table(
        ["value", "type", "allowed", "default", "meaning"],
        [[f"`{s['name']}`", s["type"], s["allowed"], s["default"] or "", s["meaning"]] for s in listed],
    )


def events() -> str:
    source = (ROOT / "service/win/messages.mc").read_text()
    found = re.findall(r"MessageId=(\d+) Severity=(\w+).*?\nLanguage=English\n(.*?)\n\.\n", source, re.DOTALL)
    kinds = {"Informational": "information", "Warning": "warning", "Error": "error"}
    return table(["id", "level", "text"], [[number, kinds[level], text] for number, level, text in found])


def outcomes() -> str:
    source = (ROOT / "service/core/outcome.c").read_text()
    found = re.findall(r'\[OUTCOME_\w+\] =\s*{"([\w-]+)", FOLLOWS_\w+,\s*((?:"[^"]*"\s*)+),', source)
    return table(["outcome", "meaning"], [[f"`{name}`", "".join(re.findall(r'"([^"]*)"', words))] for name, words in found])


def exit_codes(run) -> str:
    told = " ".join(run("--help").partition("Exit codes: ")[2].split()).rstrip(".")
    return table(["code", "meaning"], [each.split(" ", 1) for each in told.split("; ")])


def sessions() -> dict[str, str]:
    """Each command of the golden files with what it prints, as a block of Markdown; standard error as on a console."""
    found = {}
    text = "".join(path.read_text() for path in GOLDEN)
    for command, printed in re.findall(r"^\$ (etrnctl.*)\n((?:.*\n)*?)\[exit \d+\]$", text, re.MULTILINE):
        lines = [f"> {command}", *(line.removeprefix("2> ") for line in printed.splitlines())]
        shown = "".join(f"    {line}".rstrip() + "\n" for line in lines)
        for name, value in SHOWN.items():
            shown = shown.replace(f"{{{name}}}", value)
        found[f"session {command}"] = f"\n{shown}\n"
    return found


def blocks(prefix: WinePrefix, etrnctl: str) -> dict[str, str]:
    """All that the programs and the golden files tell, by the names of the blocks."""
    def run(*words: str) -> str:
        done = prefix.run([etrnctl, *words])
        assert done.returncode == 0, done.stderr
        return done.stdout

    key = r"HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc\Parameters\Hosts\readme.example"
    prefix.reg_add(key, "Domains", "REG_MULTI_SZ", "example.com")
    try:
        return sessions() | {
            "commands": commands(run),
            "exit-codes": exit_codes(run),
            "settings": settings(run),
            "host-settings": settings(run, "--host", "readme.example"),
            "events": events(),
            "outcomes": outcomes(),
        }
    finally:
        prefix.reg_delete(key)


def block(name: str) -> str:
    """What stands in the block of this name, in whichever document it is."""
    [found] = [match[1] for path in DOCUMENTS for match in re.finditer(place(name), path.read_text(), re.DOTALL)]
    return found


def place(name: str) -> str:
    return rf"(?<=<!-- {re.escape(name)} -->\n)(.*?)(?=<!-- end -->)"


def rewritten(made: dict[str, str]) -> dict[Path, str]:
    """The documents with these blocks in their places. Each block has exactly one."""
    documents = {path: path.read_text() for path in DOCUMENTS}
    for name, text in made.items():
        [path] = [path for path, document in documents.items() if re.search(place(name), document, re.DOTALL)] or [None]
        assert path, f"no README.md has a place for {name}"
        documents[path] = re.sub(place(name), lambda _, text=text: text, documents[path], count=1, flags=re.DOTALL)
    return documents


def write(made: dict[str, str]) -> None:
    for path, text in rewritten(made).items():
        path.write_text(text)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, WinePrefix(Path(folder) / "prefix") as prefix:
        write(blocks(prefix, str(ROOT / "build/etrnctl.exe")))


if __name__ == "__main__":
    main()
