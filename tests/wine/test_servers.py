"""The service against three real mail servers that support ETRN, each with 20 domains."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.exim import Exim
from lab.postfix import MailServer, Postfix, SmtpSink
from lab.sendmail import Sendmail
from wine.machine import Machine, host

DOMAINS = [f"d{n}.example" for n in range(20)]
WAITING = "d13.example"


@pytest.fixture(scope="module", params=[Postfix, Exim, Sendmail], ids=lambda kind: kind.__name__)
def holder(request: pytest.FixtureRequest) -> Iterator[tuple[MailServer, SmtpSink]]:
    """A server that holds a message for WAITING, whose own server has started since."""
    sink = SmtpSink()
    with request.param(DOMAINS, sink.port) as server:
        server.enqueue(f"user@{WAITING}")
        server.wait_deferred(WAITING)
        sink.start()
        yield server, sink
        sink.stop()


def test_twenty_domains_are_accepted_in_short_sessions_and_mail_comes(
    machine: Machine, holder: tuple[MailServer, SmtpSink]
) -> None:
    server, sink = holder
    nodes = [server.node(domain) for domain in DOMAINS]
    machine.fresh({"AlwaysUseETRN": 1}, {"isp": {"Host": "127.0.0.1", "Port": server.port, "Domains": nodes}})
    began = time.monotonic()
    told = machine.wait_told(lambda t: host(t, "isp")["dequeues"] == 1, timeout=60)
    took = time.monotonic() - began
    outcomes = {node["node"]: (node["outcome"], node["code"]) for node in host(told, "isp")["nodes"]}
    assert outcomes == {node: ("started", 250) for node in nodes}
    assert took < 20, "a server that makes us wait from the 8th ETRN on would take longer"
    sink.wait_for(1, timeout=30)
