"""The protocol log: Exchange's format, its files, and what happens if they cannot be written."""

from __future__ import annotations

import csv
import datetime
import re
from pathlib import Path

from lab.scripted import Script

from .machine import Machine, Serve, host_at, wait_until

FIELDS = ("date-time", "connector-id", "session-id", "sequence-number", "local-endpoint", "remote-endpoint", "event",
          "data", "context")
FULL = 10 << 20


def folder(machine: Machine) -> Path:
    return machine.status_file.parent / "log"


def today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")


def rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_bytes().decode().split("\r\n")
    assert lines[-1] == "", "the last row is not whole"
    head = [line for line in lines if line.startswith("#")]
    assert lines[:len(head)] == head, "a head in the middle of the file"
    assert head[-1] == "#Fields: " + ",".join(FIELDS)
    return [dict(zip(FIELDS, row, strict=True)) for row in csv.reader(lines[len(head):-1])]


def logged(machine: Machine, number: int, ends: int) -> list[dict[str, str]]:
    """Returns the rows of today's file, once that many sessions have ended in it."""
    path = folder(machine) / f"ETRN{today()}-{number}.LOG"

    def whole() -> list[dict[str, str]]:
        found = rows(path) if path.exists() and path.stat().st_size else []
        return found if sum(row["event"] == "-" for row in found) >= ends else []

    return wait_until(whole, f"{path.name} has {ends} whole sessions")


def test_a_session_is_logged_line_by_line(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": '250 "Queuing", started', "*": "459 no, never"}))
    machine.fresh({"ProtocolLog": 1}, {"isp": host_at(server, "a.example", "b.example")})
    found = logged(machine, 1, 1)
    assert [(row["event"], row["data"], row["context"]) for row in found if row["event"] != "<"] == [
        ("*", "", f"asking {server.address} for 2 domains (start)"),
        ("*", "", f"attempting to connect to {server.address} port {server.port}"),
        ("+", "", ""),
        (">", found[4]["data"], ""),
        (">", "ETRN a.example", ""),
        ("*", "", "a.example: started"),
        (">", "ETRN b.example", ""),
        ("*", "", "b.example: not-allowed"),
        (">", "QUIT", ""),
        ("-", "", "")]
    assert found[4]["data"].startswith("EHLO ")
    received = [row["data"] for row in found if row["event"] == "<"]
    assert received[0].startswith("220 ") and '250 "Queuing", started' in received
    assert '459 no, never' in received
    assert [row["sequence-number"] for row in found] == [str(n) for n in range(len(found))]
    assert {row["connector-id"] for row in found} == {"isp"}
    assert len({row["session-id"] for row in found}) == 1 and re.fullmatch("[0-9A-F]{16}", found[0]["session-id"])
    assert {row["remote-endpoint"] + row["local-endpoint"] for row in found[:2]} == {""}
    assert {row["remote-endpoint"] for row in found[2:]} == {f"{server.address}:{server.port}"}
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+", row["local-endpoint"]) for row in found[2:])


def test_the_log_follows_its_switch_and_continues_in_the_same_file(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({}, {"isp": host_at(server)})
    machine.wait_dequeues(1)
    assert not folder(machine).exists()
    machine.configure({"ProtocolLog": 1})
    machine.ctl("run")
    first = logged(machine, 1, 1)
    machine.configure({"ProtocolLog": 0})
    machine.ctl("run")
    machine.configure({"ProtocolLog": 1})
    machine.ctl("run")
    machine.stop()
    second = logged(machine, 1, 2)
    assert second[:len(first)] == first
    assert len({row["session-id"] for row in second}) == 2


def test_files_end_when_they_are_full_and_go_when_they_are_old(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"ProtocolLog": 1}, {"isp": host_at(server)}, start=False)
    folder(machine).mkdir(parents=True)
    old = folder(machine) / "ETRN20250102-1.LOG"
    other = folder(machine) / "notes.log"
    full = [folder(machine) / f"ETRN{today()}-{n}.LOG" for n in range(1, 12)]
    for path in (old, other, *full):
        path.write_bytes(b"#\r\n" + b"\0" * (FULL - 3 if path in full else 0))
    machine.start()
    assert len(logged(machine, 12, 1)) > 4
    assert not old.exists() and other.exists()
    assert [path.exists() for path in full] == [False] * 2 + [True] * 9


def test_a_row_cut_off_when_the_service_was_killed_spoils_no_other(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"ProtocolLog": 1}, {"isp": host_at(server)})
    before = logged(machine, 1, 1)
    machine.stop()
    path = folder(machine) / f"ETRN{today()}-1.LOG"
    with open(path, "ab") as file:
        file.write(b'2026-01-02T03:04:05.678Z,isp,0123456789ABCDEF,7,127.0.0.1:1,127.0.0.1:25,<,"250 OK, ')
    machine.start()
    wait_until(lambda: path.read_bytes().endswith(b"\r\n"), "further rows")
    after = logged(machine, 1, 2)
    assert after[:len(before)] == before
    assert [row["sequence-number"] for row in after[len(before):]] == [row["sequence-number"] for row in before]


def test_if_the_log_cannot_be_written_rounds_continue_and_one_event_reports_it(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"ProtocolLog": 1}, {"isp": host_at(server)}, start=False)
    machine.status_file.parent.mkdir(parents=True)
    folder(machine).write_text("a file where the folder is to be")
    machine.start()
    machine.wait_dequeues(1)
    warned = wait_until(lambda: [text for text in machine.warnings() if "protocol log" in text], "the warning")
    machine.ctl("run")
    machine.wait_dequeues(2)
    folder(machine).unlink()
    machine.ctl("run")
    logged(machine, 1, 1)
    assert [text for text in machine.warnings() if "protocol log" in text] == warned and len(warned) == 1
