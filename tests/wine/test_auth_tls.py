"""AUTH over TLS: the password is sent only to the host that TLS has verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from lab.certs import Authority, Certificate
from lab.postfix import Postfix
from lab.scripted import Answer, Ask, Close, Deaf, Delay, Each, Raw, Script, StartTls, free_port

from .machine import Machine, Serve, Value, host_at, nodes
from .test_auth import CRAM, PASSWORD, USER, b64, set_password

Certificates = Mapping[str, Certificate]

PLAIN = "PLAIN " + b64(f"\0{USER}\0{PASSWORD}")
CLEAR = ("250 lab.example", "STARTTLS", "ETRN", "AUTH PLAIN CRAM-MD5")
BEHIND = ("250 lab.example", "ETRN", "AUTH PLAIN CRAM-MD5")
ALERT = bytes([21, 3, 3, 0, 2, 2, 40])  # fatal, handshake_failure
TWICE = ["EHLO", "STARTTLS", "EHLO"]


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with Authority() as each:
        yield each


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> Certificates:
    return {"good": authority.issue("mail.isp.example", addresses=["127.0.0.1"]),
            "wrong name": authority.issue("elsewhere.example"),
            "self-signed": authority.issue("mail.isp.example", addresses=["127.0.0.1"], self_signed=True)}


@pytest.fixture
def trusting(machine: Machine, authority: Authority) -> Machine:
    machine.trust(authority.root)
    return machine


def offering(certificate: Certificate, auth: Answer, ehlo: Answer) -> Script:
    starttls = ["220 Go ahead", StartTls(certificate.context())]
    return Script(ehlo=ehlo, verbs={"STARTTLS": starttls, "AUTH": auth})


def asked(machine: Machine, server, **values: Value) -> dict:
    """Returns the result of the only host's node."""
    machine.fresh(hosts={"holder": host_at(server, User=USER, **values)}, start=False)
    set_password(machine)
    machine.start()
    return nodes(machine.wait_dequeues(1), "holder")["a.example"]


def verbs(server) -> list[str]:
    return [command.verb for command in server.commands()]


@pytest.mark.parametrize("tls", ["may", "require"])
def test_a_verified_host_gets_the_password(trusting: Machine, certificates: Certificates, serve: Serve, tls: str) -> None:
    server = serve(offering(certificates["good"], "235 in", Each(CLEAR, BEHIND)))
    facts = asked(trusting, server, Tls=tls)
    assert (facts["outcome"], facts["channel"]) == ("started", "tls")
    assert verbs(server) == [*TWICE, "AUTH", "ETRN", "QUIT"]
    assert [command.argument for command in server.commands("AUTH")] == [PLAIN]


def test_a_verified_host_from_the_first_octet(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(Script(greeting=[StartTls(certificates["good"].context()), "220 lab.example"], ehlo=BEHIND,
                          verbs={"AUTH": "235 in"}))
    assert asked(trusting, server, Tls="implicit")["outcome"] == "started"
    assert [command.argument for command in server.commands("AUTH")] == [PLAIN]


def test_a_pinned_host_gets_the_password(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(offering(certificates["self-signed"], "235 in", Each(CLEAR, BEHIND)))
    facts = asked(trusting, server, Tls="require", TlsFingerprint=certificates["self-signed"].sha256)
    assert facts["outcome"] == "started"
    assert [command.argument for command in server.commands("AUTH")] == [PLAIN]


@pytest.mark.parametrize("certificate", ["wrong name", "self-signed"])
def test_an_unverified_host_gets_nothing_of_it(trusting: Machine, certificates: Certificates, serve: Serve,
                                               certificate: str) -> None:
    server = serve(offering(certificates[certificate], CRAM, Each(CLEAR, BEHIND, CLEAR, BEHIND)))
    facts = asked(trusting, server)
    assert (facts["outcome"], facts["text"]) == (
        "no-auth", "the host's certificate is not verified; the password was not sent")
    assert verbs(server) == [*TWICE, "QUIT"]
    assert asked(trusting, server, AuthInClear=1)["outcome"] == "started"
    assert [command.argument for command in server.commands("AUTH")] == ["CRAM-MD5"]


@pytest.mark.fault("7.1")
@pytest.mark.parametrize("ehlo, sent", [
    (Each(CLEAR, ("250 lab.example", "ETRN")), [*TWICE, "QUIT"]),  # AUTH in clear only
    (BEHIND, ["EHLO", "QUIT"]),  # STARTTLS taken out on the way
])
def test_auth_that_is_offered_in_clear_alone(trusting: Machine, certificates: Certificates, serve: Serve, ehlo: Answer,
                                             sent: list[str]) -> None:
    server = serve(offering(certificates["good"], "235 in", ehlo))
    facts = asked(trusting, server)
    assert (facts["outcome"], facts["text"]) == (
        "no-auth", "AUTH is offered only without TLS; the password was not sent")
    assert verbs(server) == sent


@pytest.mark.fault("7.1")
def test_a_handshake_that_fails_leaves_nothing_to_send(trusting: Machine, serve: Serve) -> None:
    server = serve(Script(ehlo=CLEAR, verbs={"STARTTLS": ["220 Go ahead", Deaf(), Delay(0.3), Raw(ALERT), Close()], "AUTH": "235 in"}))
    facts = asked(trusting, server)
    assert facts["outcome"] == "no-tls"
    assert verbs(server) == ["EHLO", "STARTTLS"]
    assert len(server.sessions) == 1  # not again without TLS, as where there is no password


def test_challenges_over_tls(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    login: Answer = [Ask("334 VXNlcm5hbWU6"), Ask("334 UGFzc3dvcmQ6"), "235 in"]
    server = serve(offering(certificates["good"], login, Each(CLEAR, ("250 lab.example", "ETRN", "AUTH LOGIN"))))
    assert asked(trusting, server, Tls="require")["outcome"] == "started"
    assert server.sessions[0].answers == [b64(USER), b64(PASSWORD)]


def test_postfix_that_takes_passwords_over_tls_alone(trusting: Machine, certificates: Certificates) -> None:
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "yes",
                "smtpd_tls_chain_files": str(certificates["good"].path)}
    with Postfix(["a.example"], free_port(), settings=settings, users={USER: PASSWORD},
                 etrn_restrictions="permit_sasl_authenticated, reject") as server:
        here = {"Host": "127.0.0.1", "Port": server.port, "Domains": ["a.example"], "User": USER}
        trusting.fresh(hosts={"with": {**here, "Tls": "require"}, "without": {**here, "Tls": "none", "AuthInClear": 1}},
                       start=False)
        set_password(trusting, PASSWORD, "with")
        set_password(trusting, PASSWORD, "without")
        trusting.start()
        told = trusting.wait_dequeues(1)
        assert nodes(told, "with")["a.example"]["outcome"] == "started"
        assert nodes(told, "without")["a.example"]["text"] == "AUTH is not in the reply to EHLO"
        server.wait_for_log("ehlo=2 starttls=1 auth=1 etrn=1")
