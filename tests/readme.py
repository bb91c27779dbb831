"""The README's tables of commands, settings and events, made from the programs' own tables.

Run as a program it writes them into README.md; tests/wine/test_readme.py checks that they are what it would write.
"""
from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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


def tables(prefix: WinePrefix, etrnctl: str) -> dict[str, str]:
    def run(*words: str) -> str:
        done = prefix.run([etrnctl, *words])
        assert done.returncode == 0, done.stderr
        return done.stdout

    key = r"HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc\Parameters\Hosts\readme.example"
    prefix.reg_add(key, "Domains", "REG_MULTI_SZ", "example.com")
    try:
        return {
            "commands": commands(run),
            "settings": settings(run),
            "host-settings": settings(run, "--host", "readme.example"),
            "events": events(),
        }
    finally:
        prefix.reg_delete(key)


def written(readme: str, made: dict[str, str]) -> str:
    """The README with the tables in their places."""
    for name, text in made.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert place.search(readme), f"README.md has no place for {name}"
        readme = place.sub(lambda match: match.group(1) + text + match.group(2), readme)
    return readme


def main() -> None:
    path = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as folder, WinePrefix(Path(folder) / "prefix") as prefix:
        path.write_text(written(path.read_text(), tables(prefix, str(ROOT / "build/etrnctl.exe"))))


if __name__ == "__main__":
    main()
