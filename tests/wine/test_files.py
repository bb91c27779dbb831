"""Files that another program has open, and calls that fail before a file is truncated or deleted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.scripted import Script
from lab.wine import windows_path

from .machine import Machine, Serve, helper, host_at, wait_until

SHARING_VIOLATION, ACCESS_DENIED = 32, 5


def test_a_file_that_is_held_for_a_moment(machine: Machine, tmp_path: Path) -> None:
    said = machine.run(str(helper("held_files")), windows_path(tmp_path)).out.splitlines()
    cases = dict(line.split(": ") for line in said)
    assert cases["written"] == "0, one"
    assert cases["read while held"] == "0, one"
    assert cases["replaced while held"] == "0, two"
    assert cases["aside held"] == "0, three"
    assert cases["held for good"] in (f"{error}, three" for error in (SHARING_VIOLATION, ACCESS_DENIED))
    assert cases["aside held for good"] == f"{SHARING_VIOLATION}, three"
    assert cases["another's file aside is there"] == "1"
    assert cases["saved"] == "0, six"
    assert cases["another's file.new"] == "0, theirs"
    assert cases["saved beside its own name"] == "0, seven"
    assert cases["a file of its own name"] == "0, left"
    assert {path.name.split(".")[-1] for path in tmp_path.iterdir()} == {"file", "new"}
    assert len(list(tmp_path.iterdir())) == 3


ROW, ROWS, PARTIAL = 76, 200, 15  # helpers/partial_log.c
IO_DEVICE = 1117


def test_a_log_is_cut_only_where_a_partial_row_was_found(machine: Machine, tmp_path: Path) -> None:
    said = machine.run(str(helper("partial_log")), windows_path(tmp_path)).out.splitlines()
    cases = dict(line.split(": ") for line in said)
    assert cases["no file"] == "0, 0"
    assert cases["none"] == f"0, {ROW * ROWS}"
    for call in ("GetFileSizeEx", "SetFilePointerEx", "ReadFile", "SetEndOfFile"):
        assert cases[call] == f"{IO_DEVICE}, {ROW * ROWS + PARTIAL}", call
    assert cases["whole rows"] == f"0, {ROW * ROWS}"
    assert cases["a partial row alone"] == "0, 0"
    assert cases["no rows at all"] == "0, 16000"


def test_what_could_not_be_had_is_not_shown(machine: Machine) -> None:
    fingerprint, event = machine.run(str(helper("unset_reads"))).out.splitlines()
    assert fingerprint == ("the certificate of mail.isp.example cannot be compared with TlsFingerprint: "
                           "its SHA-256 cannot be computed")
    assert event.split(maxsplit=1)[1] == "info    event 100 (without its text: error 8)"


RUN_REQUESTED = 129


def test_a_request_that_cannot_be_read_stays(machine: Machine, serve: Serve) -> None:
    server = serve(Script())
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    machine.wait_told(lambda told: told["enabled"], "the service runs")
    request = machine.status_file.with_name("request-1.txt")
    request.write_text("isp\n")
    with machine.prefix.popen([str(helper("hold")), windows_path(request)], stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout.readline().strip() == "held"
        machine.control(RUN_REQUESTED)
        wait_until(lambda: any("error 32" in text for _, text in machine.events()), "the event")
        holder.communicate("\n")
    assert request.exists() and not server.etrns()
    machine.control(RUN_REQUESTED)
    machine.wait_dequeues(1)
    assert not request.exists()
