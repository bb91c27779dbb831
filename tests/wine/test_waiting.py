"""Behaviour that takes time by design. It runs on a separate machine while the other tests run (see patient)."""

from __future__ import annotations

from datetime import datetime

import pytest

from .machine import Patient, host, outcomes, wait_until


def test_retry_asks_only_what_is_to_be_retried(patient: Patient) -> None:
    first, told = patient.first, patient.machine.wait_told(lambda told: host(told, "busy")["dequeues"] == 2, timeout=15)
    server = patient.busy
    assert outcomes(first, "busy") == {"a.example": "started", "b.example": "unable-to-queue", "c.example": "not-allowed"}
    assert host(first, "busy")["next_trigger"] == "retry"
    planned = datetime.fromisoformat(host(first, "busy")["next"]) - datetime.fromisoformat(host(first, "busy")["ended"])
    assert 10 <= planned.total_seconds() <= 12.5  # RetrySeconds, and up to a quarter more
    assert server.etrns() == ["a.example", "b.example", "c.example", "b.example"]
    assert 9.9 < server.sessions[1].opened - server.sessions[0].opened < 13.5
    assert outcomes(told, "busy") == {"a.example": "started", "b.example": "started", "c.example": "not-allowed"}
    assert host(told, "busy")["next_trigger"] == "interval"
    assert "b.example" not in patient.machine.warnings()  # one 458 is no news


@pytest.mark.fault("2.2")
def test_the_whole_session_has_its_deadline(patient: Patient) -> None:
    patient.slow.wait_for(lambda server: server.sessions[0].closed, timeout=40)
    session = patient.slow.sessions[0]
    assert session.closed and 29.9 < session.closed - session.opened < 31.5
    asked = [command.argument for command in session.commands if command.verb == "ETRN"]
    assert 4 <= len(asked) < 10
    unanswered = [f"{n}.example" for n in range(len(asked) - 1, 10)]
    wait_until(lambda: "slow" in patient.machine.warnings(), "the warning")
    at = patient.machine.warnings().index("slow")
    _, named, meaning, advice, text = patient.machine.warnings()[at : at + 5]
    assert named == ", ".join(unanswered)
    assert meaning == "The host did not respond in time." and advice
    assert text == "the session was not finished in 30 s"
