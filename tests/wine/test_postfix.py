"""Against a real Postfix: mail that waits arrives because one registry value was set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.postfix import Postfix, SmtpSink
from lab.scripted import free_port

from .machine import PARAMETERS, Machine, nodes, outcomes

OURS, SECOND, STRANGE = "customer.example", "second.example", "elsewhere.example"


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix([OURS, SECOND], free_port(), other_domains=[STRANGE]) as server:
        yield server


@pytest.fixture(scope="module")
def forbidding() -> Iterator[Postfix]:
    with Postfix([OURS], free_port(), etrn_restrictions="reject") as server:
        yield server


def test_reg_add_makes_waiting_mail_arrive(machine: Machine, postfix: Postfix) -> None:
    postfix.enqueue(f"first@{OURS}")
    postfix.enqueue(f"second@{OURS}")
    postfix.enqueue(f"third@{STRANGE}")
    postfix.wait_deferred(OURS, 2)
    host = {"Host": "127.0.0.1", "Port": postfix.port, "Domains": [OURS, STRANGE, SECOND]}
    machine.fresh({"AlwaysUseETRN": 0}, {"holder": host})
    assert postfix.queue_count() == 3
    with SmtpSink(postfix.target_port) as sink:
        machine.prefix.reg_add(PARAMETERS, "AlwaysUseETRN", "REG_DWORD", 1)
        sink.wait_for(2)
        postfix.wait_for_log(rf"to=<first@{OURS}>.*status=sent")
        postfix.wait_for_log(rf"to=<second@{OURS}>.*status=sent")
        postfix.wait_for_queue(1)
        assert sink.count() == 2
    told = machine.wait_dequeues(1)
    assert outcomes(told, "holder") == {OURS: "started", STRANGE: "not-allowed", SECOND: "started"}
    assert nodes(told, "holder")[STRANGE]["text"] == f"459 <{STRANGE}>: service unavailable"
    assert "improper command pipelining" not in postfix.log()


def test_refused_by_its_restrictions(machine: Machine, forbidding: Postfix) -> None:
    machine.fresh(hosts={"holder": {"Host": "127.0.0.1", "Port": forbidding.port, "Domains": [OURS]}})
    told = machine.wait_dequeues(1)
    facts = nodes(told, "holder")[OURS]
    assert (facts["outcome"], facts["code"]) == ("refused", 554)
    assert "Access denied" in facts["text"]
    assert "smtpd_etrn_restrictions" in facts["advice"]


@pytest.mark.parametrize("domain, code, reply, meaning", [
    (OURS, 0, "<- 250 Queuing started", "has started to deliver the mail"),
    (STRANGE, 1, f"<- 459 <{STRANGE}>: service unavailable", "does not permit ETRN for this domain"),
])
def test_the_tool_explains_postfix_replies(machine: Machine, postfix: Postfix, domain: str, code: int, reply: str,
                                           meaning: str) -> None:
    result = machine.ctl("test", f"127.0.0.1:{postfix.port}", domain)
    lines = result.out.splitlines()
    assert result.code == code
    assert meaning in lines[lines.index(reply) + 1]
    assert any(line.startswith("     ETRN is offered;") for line in lines)
    assert lines[-4:-1] == ["-> QUIT", "<- 221 2.0.0 Bye", ""]
    assert lines[-1].startswith(f"ETRN was accepted for {1 - code} of 1 domains.")


def test_the_tool_explains_a_refusal(machine: Machine, forbidding: Postfix) -> None:
    result = machine.ctl("test", f"127.0.0.1:{forbidding.port}", OURS)
    assert result.code == 1
    assert f"<- 554 5.7.1 <{OURS}>: Etrn command rejected: Access denied" in result.out
    assert "     The host rejects ETRN from this computer." in result.out
    assert "smtpd_etrn_restrictions" in result.out
