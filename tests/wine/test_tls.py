"""TLS: possible behaviour of hosts, and kinds of certificates. Each case is one host; all are asked at the same time.
"""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.certs import Authority, Certificate
from lab.postfix import Postfix
from lab.scripted import (Action, Close, Deaf, Delay, EndTls, Inject, Raw, Script, ScriptedServer, Silence, StartTls, Unciphered,
                          free_port, loopback)

from .machine import TOOL_EXE, Machine, Serve, Value, host_at, nodes, servers

TIMEOUT = 5  # seconds for a reply and for the handshake
NODES = ("a.example", "b.example")
OFFER = ("250 lab.example", "STARTTLS", "ETRN")
FINE = "250 Queuing started"
GO = "220 Go ahead"

EHLO, STARTTLS, ETRN_A, ETRN_B, QUIT = "EHLO", "STARTTLS", "ETRN a.example", "ETRN b.example", "QUIT"
BEFORE = (EHLO, STARTTLS)
BEHIND = (EHLO, ETRN_A, ETRN_B, QUIT)

Certificates = Mapping[str, Certificate]


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with Authority() as each:
        yield each


@pytest.fixture(scope="module")
def stranger() -> Iterator[Authority]:
    with Authority("Strange Authority") as each:
        yield each


@pytest.fixture(scope="module")
def certificates(authority: Authority, stranger: Authority) -> Certificates:
    """Certificates by their expected message. All but the wrong ones are valid for each address of this module."""
    here = {"addresses": loopback(100)}
    return {
        "good": authority.issue("mail.isp.example", **here),
        "for localhost": authority.issue("LocalHost"),
        "wrong name": authority.issue("mx1.isp.example", "*.mx.isp.example"),
        "address as a name": authority.issue(*here["addresses"][:3]),
        "no name": authority.issue(subject="mail.isp.example"),
        "expired": authority.issue("mail.isp.example", days=(-20, -3), **here),
        "not yet valid": authority.issue("mail.isp.example", days=(3, 20), **here),
        "self-signed": authority.issue("mail.isp.example", self_signed=True, **here),
        "strange": stranger.issue("mail.isp.example", **here),
        "for clients": authority.issue("mail.isp.example", client_only=True, **here),
        "revocation out of reach": authority.issue("mail.isp.example", **here,
                                                   revocation_list=f"http://127.0.0.1:{free_port()}/lab.crl"),
    }


@dataclass(frozen=True)
class Case:
    """A host's behaviour and the expected result: both nodes' outcome, text that they contain, the channel, and
    everything sent to the host, in clear and through TLS. There is more than one connection if TLS was given up."""

    script: Callable[[Certificates], Script]
    outcome: str
    text: str = ""
    channel: str = "none"
    clear: Sequence[str] = ()
    secure: Sequence[str] = ()
    connections: int = 1
    settings: Mapping[str, Value] = field(default_factory=dict)
    pinned: str = ""  # the certificate that TlsFingerprint names
    code: int | None = None


REQUIRE, IMPLICIT, NONE = {"Tls": "require"}, {"Tls": "implicit"}, {"Tls": "none"}


def starttls(certificate: str = "good", only: ssl.TLSVersion | None = None, client_certificate: ssl.VerifyMode = ssl.CERT_NONE,
             **how: Any) -> Callable[[Certificates], Script]:
    """A host without faults, with this certificate."""

    def make(certificates: Certificates) -> Script:
        context = certificates[certificate].context(only, client_certificate)
        return Script(ehlo=OFFER, verbs={"STARTTLS": [GO, StartTls(context, **how)]})

    return make


def answering(*answer: str | Action, offer: Sequence[str] = OFFER) -> Callable[[Certificates], Script]:
    """A host that replies to STARTTLS like this, without a handshake."""
    return lambda certificates: Script(ehlo=offer, verbs={"STARTTLS": list(answer)})


def behind(offer: Sequence[str] = OFFER, etrn: Sequence[str | Action] = (FINE,),
           quit: Sequence[str | Action] = ("221 Bye",)) -> Callable[[Certificates], Script]:
    """A host that replies like this after TLS is established, and normally before."""

    def make(certificates: Certificates) -> Script:
        handshake = StartTls(certificates["good"].context())
        return Script(ehlo={"*": Through(OFFER, offer)}, etrn=list(etrn), quit=list(quit), verbs={"STARTTLS": [GO, handshake]})

    return make


@dataclass(frozen=True)
class Through(Action):
    """A host with one list of capabilities in clear, and another through TLS."""

    clear: Sequence[str]
    secure: Sequence[str]

    async def act(self, session: Any) -> None:
        offer = self.secure if session.tls else self.clear
        lines = [f"250-{line.removeprefix('250 ')}\r\n" for line in offer[:-1]] + [f"250 {offer[-1]}\r\n"]
        await session.send("".join(lines).encode())


def from_the_start(certificate: str = "good") -> Callable[[Certificates], Script]:
    return lambda certificates: Script(greeting=[StartTls(certificates[certificate].context()), "220 lab.example ESMTP"])


def unverified(certificate: str, text: str) -> Case:
    """After the handshake, which shows the certificate, nothing is sent."""
    return Case(starttls(certificate), "no-tls", text, clear=BEFORE, settings=REQUIRE)


def given_up(script: Callable[[Certificates], Script]) -> Case:
    """The host is asked again in clear, on a second connection."""
    return Case(script, "started", channel="clear-failed", clear=(*BEFORE, *BEHIND), connections=2)


INJECTED = b"250 injected\r\n"
FLOOD = 10 * (b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + bytes(0x3FFC))  # of one message of 16 MB
NOT_TLS = "TLS handshake: the host's response is not TLS"
EARLY = "the host sent data before a command was sent"
HANDSHAKE_LATE = f"the TLS handshake was not finished in {TIMEOUT} s"
SECURE = {"channel": "tls", "clear": BEFORE, "secure": BEHIND}

CASES: dict[str, Case] = {
    # a host that is well
    "good": Case(starttls(), "started", settings=REQUIRE, **SECURE),
    "good where TLS may be": Case(starttls(), "started", **SECURE),
    "revocation out of reach": Case(starttls("revocation out of reach"), "started", settings=REQUIRE, **SECURE),
    "records of one octet": Case(starttls(record=1), "started", settings=REQUIRE, **SECURE),
    "segments of one octet": Case(starttls(segment=1), "started", settings=REQUIRE, **SECURE),
    "both of one octet": Case(starttls(record=1, segment=1), "started", settings=REQUIRE, **SECURE),
    "TLS 1.2 only": Case(starttls(only=ssl.TLSVersion.TLSv1_2), "started", settings=REQUIRE, **SECURE),
    "would take a certificate of ours": Case(starttls(client_certificate=ssl.CERT_OPTIONAL), "started", settings=REQUIRE,
                                             **SECURE),
    "implicit": Case(from_the_start(), "started", channel="tls", secure=BEHIND, settings=IMPLICIT),
    "offered where there is to be none": Case(starttls(), "started", channel="clear", clear=BEHIND, settings=NONE),
    # its certificate
    "wrong name": unverified("wrong name", "is for mx1.isp.example, *.mx.isp.example"),
    "address as a name": unverified("address as a name", "is for 127.0.0.1, 127.0.0.2, 127.0.0.3"),
    "no name": unverified("no name", "names no host (no subjectAltName)"),
    "expired": unverified("expired", " expired on 20"),
    "not yet valid": unverified("not yet valid", " is valid only from 20"),
    "self-signed": unverified("self-signed", " is self-signed, and this computer does not trust it"),
    "strange": unverified("strange", " was issued by Strange Authority, which this computer does not trust"),
    "for clients": unverified("for clients", " is not valid for this use"),
    "implicit and wrong": Case(from_the_start("wrong name"), "no-tls", "is for mx1.isp.example", settings=IMPLICIT),
    "wrong where TLS may be": Case(starttls("wrong name"), "started", channel="tls-unverified", clear=BEFORE, secure=BEHIND),
    "pinned": Case(starttls("self-signed"), "started", settings=REQUIRE, pinned="self-signed", **SECURE),
    "pinned and expired": Case(starttls("expired"), "started", settings=REQUIRE, pinned="expired", **SECURE),
    "pinned and changed": Case(starttls("good"), "no-tls", "does not match TlsFingerprint; its SHA-256 is ", clear=BEFORE,
                               settings=REQUIRE, pinned="self-signed"),
    "pinned and changed where TLS may be": Case(starttls("good"), "started", channel="tls-unverified", clear=BEFORE,
                                                secure=BEHIND, pinned="self-signed"),
    # the way to TLS
    "stripped": Case(lambda _: Script(), "no-tls", "STARTTLS is not in the reply to EHLO", clear=(EHLO, QUIT), settings=REQUIRE),
    "454": Case(answering("454 not now"), "no-tls", "454 not now", clear=(*BEFORE, QUIT), settings=REQUIRE, code=454),
    "502": Case(answering("502 no"), "no-tls", "502 no", clear=(*BEFORE, QUIT), settings=REQUIRE, code=502),
    "454 where TLS may be": Case(answering("454 not now"), "started", channel="clear-refused",
                                 clear=(*BEFORE, ETRN_A, ETRN_B, QUIT)),
    "not offered where TLS may be": Case(lambda _: Script(), "started", channel="clear-not-offered", clear=BEHIND),
    "injected in the same segment": Case(answering(Raw(b"220 go\r\n"), Inject(INJECTED)), "broken", EARLY, clear=BEFORE,
                                         settings=REQUIRE),
    "injected where TLS may be": Case(answering(Raw(b"220 go\r\n"), Inject(INJECTED)), "broken", EARLY, clear=BEFORE),
    "injected in the next segment": Case(answering(GO, Deaf(), Delay(0.2), Raw(INJECTED), Silence()), "no-tls",
                                         NOT_TLS, clear=BEFORE, settings=REQUIRE),
    "plain on an implicit port": Case(lambda _: Script(greeting=[Deaf(), "220 lab.example", Silence()]), "no-tls", NOT_TLS,
                                      settings=IMPLICIT),
    # the handshake
    "TLS 1.1 only": Case(starttls(only=ssl.TLSVersion.TLSv1_1), "no-tls", "version", clear=BEFORE,
                         settings=REQUIRE),
    "demands a certificate of ours": Case(starttls(only=ssl.TLSVersion.TLSv1_2, client_certificate=ssl.CERT_REQUIRED),
                                          "no-tls", "an alert: handshake_failure", clear=BEFORE, settings=REQUIRE),
    "closes in the handshake": Case(starttls(cut=200), "lost", "the host closed the connection (in the TLS handshake)",
                                    clear=BEFORE, settings=REQUIRE),
    "silent behind 220": Case(answering(GO, Deaf(), Silence()), "timed-out", HANDSHAKE_LATE, clear=BEFORE, settings=REQUIRE),
    "silent on an implicit port": Case(lambda _: Script(greeting=[Deaf(), Silence()]), "timed-out", HANDSHAKE_LATE, settings=IMPLICIT),
    "drips its handshake": Case(starttls(segment=10, pause=0.1), "timed-out", HANDSHAKE_LATE, clear=BEFORE, settings=REQUIRE),
    "more than a handshake": Case(answering(GO, Deaf(), Delay(0.2), Raw(FLOOD), Silence()), "no-tls",
                                  "TLS handshake: the host sent more than 64 KB",
                                  clear=BEFORE, settings=REQUIRE),
    "TLS 1.1 only where TLS may be": given_up(starttls(only=ssl.TLSVersion.TLSv1_1)),
    "closes where TLS may be": given_up(starttls(cut=200)),
    "silent where TLS may be": given_up(answering(GO, Deaf(), Silence())),
    # behind TLS
    "offers ETRN in clear alone": Case(behind(offer=("250 lab.example", "SIZE")), "not-offered",
                                       "ETRN is not in the reply to EHLO", "tls", BEFORE, (EHLO, QUIT), settings=REQUIRE),
    "offers STARTTLS again": Case(behind(), "started", settings=REQUIRE, **SECURE),
    "closes without notice": Case(behind(etrn=[Close()]), "lost", "the host closed the connection", "tls", BEFORE,
                                  (EHLO, ETRN_A), settings=REQUIRE),
    "closes with notice": Case(behind(etrn=[EndTls(), Silence()]), "lost", "the host closed the connection", "tls", BEFORE,
                               (EHLO, ETRN_A), settings=REQUIRE),
    "early bytes behind TLS": Case(behind(etrn=[Raw(b"459 no\r\n250 surprise\r\n")]), "not-allowed", "459 no", "tls", BEFORE,
                                   (EHLO, ETRN_A), settings=REQUIRE),
    "bytes past TLS": Case(behind(etrn=[Unciphered(b"250 Queuing started\r\n"), Silence()]), "lost",
                           "TLS: the host's response is not TLS", "tls", BEFORE, (EHLO, ETRN_A), settings=REQUIRE),
    "altered on the way": Case(behind(etrn=[Unciphered(b"\x17\x03\x03\x00\x30" + bytes(48)), Silence()]), "lost", "TLS: ",
                               "tls", BEFORE, (EHLO, ETRN_A), settings=REQUIRE),
    "silent behind TLS": Case(behind(etrn=[Silence()]), "timed-out", f"no reply to ETRN in {TIMEOUT} s", "tls", BEFORE,
                              (EHLO, ETRN_A), settings=REQUIRE),
    "no answer to QUIT": Case(behind(quit=[Silence()]), "started", settings=REQUIRE, **SECURE),
}


def key_of(case: str) -> str:
    return case.replace(" ", "-")


@dataclass(frozen=True)
class Round:
    """Returns the output of etrnctl status --json, and the servers' record."""

    status: dict[str, Any]
    server: ScriptedServer
    addresses: Mapping[str, str]


@pytest.fixture(scope="module")
def asked(machine: Machine, authority: Authority, certificates: Certificates) -> Iterator[Round]:
    machine.trust(authority.root)
    addresses = dict(zip(CASES, loopback(len(CASES))))
    with servers() as serve:
        server = serve({addresses[name]: case.script(certificates) for name, case in CASES.items()}, list(addresses.values()))
        hosts: dict[str, dict[str, Value]] = {}
        for name, case in CASES.items():
            pin = {"TlsFingerprint": certificates[case.pinned].sha256} if case.pinned else {}
            hosts[key_of(name)] = {"Host": addresses[name], "Port": server.port, "Domains": NODES, **pin, **case.settings}
        machine.fresh({"TimeoutSeconds": TIMEOUT, "RetrySeconds": 3600}, hosts)
        machine.wait_dequeues(1, timeout=40)
        yield Round(machine.status(), server, addresses)


@pytest.mark.parametrize("name", CASES)
def test_outcome_text_and_nothing_sent_too_much(asked: Round, name: str) -> None:
    case, address = CASES[name], asked.addresses[name]
    sessions = [session for session in asked.server.sessions if session.address == address]
    record = "\n".join(f"{session}\n{session.tls_error or ''}" for session in sessions)
    found = nodes(asked.status, key_of(name))
    first, second = (found[node] for node in NODES)
    assert first["outcome"] == case.outcome, f"{first}\n{record}"
    assert second["outcome"] == ("broken" if name.startswith("early bytes") else case.outcome)
    assert case.text in first["text"]
    assert first["text"].isprintable()
    assert (first["channel"], first["code"]) == (case.channel, case.code or first["code"])
    commands = [command for session in sessions for command in session.commands]
    sent = [(f"{each.verb} {each.argument}" if each.verb == "ETRN" else each.verb, each.secure) for each in commands]
    assert [words for words, secure in sent if not secure] == list(case.clear), record
    assert [words for words, secure in sent if secure] == list(case.secure), record
    assert len(sessions) == case.connections


# The tool


@pytest.fixture
def trusting(machine: Machine, authority: Authority) -> Machine:
    machine.trust(authority.root)
    return machine


def test_the_tool_shows_who_the_host_is(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(starttls()(certificates))
    certificate = certificates["good"]
    trusting.fresh(start=False)
    reply = trusting.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--tls", "require")
    assert reply.code == 0, reply
    lines = reply.out.splitlines()
    told = lines[lines.index("<- 220 Go ahead") + 1:lines.index("-- verified") + 1]
    assert told[0].startswith("-- encrypted with TLS 1.2, ")
    assert told[2].startswith("-- for mail.isp.example, 127.0.0.1, 127.0.0.2, 127.0.0.3, ")
    assert [told[1], *told[3:]] == ["-- certificate of mail.isp.example, issued by Laboratory Authority",
                                    f"-- valid from {certificate.begins:%Y-%m-%d} to {certificate.ends:%Y-%m-%d}",
                                    f"-- SHA-256 {certificate.sha256}", "-- verified"]
    offers = [line for line in lines if "ETRN is offered" in line]
    assert offers == ["     ETRN is offered; TLS is offered (STARTTLS); no authentication.",
                      "     ETRN is offered; no authentication."]
    assert lines[-1].startswith("ETRN was accepted for 1 of 1 domains.")


def test_the_tool_for_programs(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(starttls("expired")(certificates))
    certificate = certificates["expired"]
    reply = trusting.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--json")
    told = json.loads(reply.out)
    assert (reply.code, told["offered"]) == (0, ["ETRN", "STARTTLS"])
    assert told["tls"].pop("protocol").startswith("TLS 1.2, ")
    assert told["tls"].pop("names").startswith("mail.isp.example, 127.0.0.1, ")
    assert told["tls"] == {
        "subject": "mail.isp.example", "issuer": "Laboratory Authority", "valid_from": f"{certificate.begins:%FT%T}.000Z",
        "valid_to": f"{certificate.ends:%FT%T}.000Z", "sha256": certificate.sha256, "verified": False,
        "problem": f"the certificate of 127.0.0.1 expired on {certificate.ends:%F}"}
    [outcome] = told["outcomes"]
    assert (outcome["outcome"], outcome["channel"]) == ("started", "tls-unverified")
    assert outcome["channel_meaning"] == "encrypted, certificate not verified"


MISNAMED = "-- not verified: the certificate of localhost is for mail.isp.example, 127.0.0.1, "


@pytest.mark.parametrize("words, code, expected", [
    (["--tls", "require"], 4, MISNAMED),
    (["--tls", "may"], 0, MISNAMED),
    (["--tls", "none"], 0, "-> ETRN a.example"),
    (["--tls", "require", "--tls-fingerprint", "good"], 0, "-- verified"),
    (["--tls", "require", "--tls-fingerprint", "expired"], 4,
     "-- not verified: the certificate of localhost does not match TlsFingerprint; its SHA-256 is "),
    (["--tls", "implicit"], 4, "-- TLS handshake: the host's response is not TLS"),
    (["--tls", "perhaps"], 7, 'etrnctl: --tls: "perhaps" is unknown; allowed: one of none, may, require, implicit'),
    (["--tls-fingerprint", "00:11"], 7, 'etrnctl: --tls-fingerprint: "00:11" is not a SHA-256 fingerprint; allowed: the '
                                        'SHA-256 fingerprint of a certificate, 64 hexadecimal digits with or without colons'),
])
def test_the_tools_options(trusting: Machine, certificates: Certificates, serve: Serve, words: list[str], code: int,
                           expected: str) -> None:
    given = [certificates[word].sha256 if word in certificates else word for word in words]
    plain = Script(greeting=[Deaf(), "220 lab.example", Silence()])
    server = serve(plain if "implicit" in words else starttls()(certificates))
    reply = trusting.ctl("test", f"localhost:{server.port}", "a.example", *given)
    assert reply.code == code, reply
    assert expected in reply.out + reply.err
    assert server.etrns() == ([] if code else ["a.example"])


def test_the_tool_reports_that_it_asks_again_in_clear(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(starttls(cut=200)(certificates))
    reply = trusting.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--json")
    told = json.loads(reply.out)
    assert (reply.code, told["tls"]) == (0, None)
    assert told["outcomes"][0]["channel_meaning"] == "not encrypted: the TLS handshake failed"
    said = [each["line"] for each in told["conversation"] if each["from"] == "tool"]
    again = said.index("the host closed the connection (in the TLS handshake); trying again without TLS")
    assert said[again + 1] == f"connecting to 127.0.0.1 port {server.port}"


def test_a_password_is_not_sent_on_a_second_connection_in_clear(trusting: Machine, certificates: Certificates,
                                                                serve: Serve) -> None:
    server = serve(starttls(cut=200)(certificates))
    words = ["test", f"127.0.0.1:{server.port}", "a.example", "--user", "joe", "--auth-in-clear"]
    reply = trusting.prefix.run([TOOL_EXE, *words], input="secret\n")
    assert (reply.returncode, len(server.sessions)) == (4, 1), reply
    assert [command.verb for command in server.commands()] == list(BEFORE)


def test_a_name_is_compared_without_case(trusting: Machine, certificates: Certificates, serve: Serve) -> None:
    server = serve(starttls("for localhost")(certificates))
    reply = trusting.ctl("test", f"LOCALhost:{server.port}", "a.example", "--tls", "require")
    assert (reply.code, "-- verified" in reply.out) == (0, True), reply


def test_add_with_tls(machine: Machine, certificates: Certificates) -> None:
    machine.fresh(start=False)
    pin = certificates["good"].sha256
    assert machine.ctl("add", "isp.example", "a.example", "--tls", "implicit", "--tls-fingerprint", pin).code == 0
    reply = machine.ctl("config", "list", "--host", "isp.example", "--json")
    values = {each["name"]: each["value"] for each in json.loads(reply.out)["settings"]}
    assert (values["Tls"], values["TlsFingerprint"]) == ("implicit", pin)
    reply = machine.ctl("add", "isp.example", "a.example", "--tls-fingerprint", pin[:-1])
    assert (reply.code, reply.out) == (7, "")
    assert "is not a SHA-256 fingerprint" in reply.err


# What status says


def test_status_shows_that_it_was_in_clear(machine: Machine, serve: Serve) -> None:
    server = serve(Script())
    machine.fresh(hosts={"clear": host_at(server), "wished": host_at(server, **NONE)})
    machine.wait_dequeues(1)
    words = " ".join(machine.ctl("status").out.split())
    assert words.count("not encrypted") == 1
    assert ", not encrypted: STARTTLS is not offered)" in words[words.index("clear: next"):words.index("wished: next")]


# Real servers


def test_no_second_handshake(trusting: Machine, certificates: Certificates) -> None:
    """OpenSSL's own server requests a client certificate if configured to."""
    port, path = free_port(), certificates["good"].path
    command = ["openssl", "s_server", "-accept", str(port), "-cert", path, "-key", path, "-tls1_2", "-naccept", "1", "-crlf"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdin and server.stdout

        def wait_for(words: str) -> None:
            while words not in (line := server.stdout.readline()):
                assert line, f"no {words}"

        def say(line: str) -> None:
            server.stdin.write(line + "\n")
            server.stdin.flush()

        try:
            wait_for("ACCEPT")
            tool = trusting.ctl_popen("test", f"127.0.0.1:{port}", "a.example", "--tls", "implicit", "--timeout", "10")
            wait_for("END SSL SESSION PARAMETERS")
            say("220 lab.example")
            wait_for("EHLO")
            say("250-lab.example\n250 ETRN")
            wait_for("ETRN a.example")
            say("r")
            out, _ = tool.communicate(timeout=20)
        finally:
            server.kill()
    assert "-- verified" in out
    assert "TLS: the host requested a TLS renegotiation, which is not supported" in out
    assert tool.returncode == 4


@pytest.fixture(scope="module")
def postfix(certificates: Certificates) -> Iterator[Postfix]:
    settings = {"smtpd_tls_security_level": "encrypt", "smtpd_tls_chain_files": str(certificates["good"].path),
                "smtpd_tls_ask_ccert": "yes"}
    with Postfix(["a.example"], free_port(), settings=settings) as server:
        yield server


def test_postfix_that_insists_on_tls(trusting: Machine, postfix: Postfix) -> None:
    here = {"Host": "127.0.0.1", "Port": postfix.port, "Domains": ["a.example"]}
    trusting.fresh(hosts={"requires": {**here, **REQUIRE}, "may": here, "none": {**here, **NONE}})
    told = trusting.wait_dequeues(1)
    found = {name: nodes(told, name)["a.example"] for name in ("requires", "may", "none")}
    assert [found["requires"][key] for key in ("outcome", "text", "channel")] == ["started", "250 Queuing started", "tls"]
    assert [found["may"][key] for key in ("outcome", "channel")] == ["started", "tls"]
    assert [found["none"][key] for key in ("outcome", "code", "channel")] == ["needs-security", 530, "clear"]
    assert "improper command pipelining" not in postfix.log()
    assert "Set Tls to require" in found["none"]["advice"]


@pytest.mark.parametrize("certificate, words", [("wrong name", "is for mx1.isp.example"), ("expired", " expired on 20")])
def test_postfix_with_a_bad_certificate_is_sent_no_etrn(trusting: Machine, certificates: Certificates, certificate: str,
                                                        words: str) -> None:
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": str(certificates[certificate].path)}
    with Postfix(["a.example"], free_port(), settings=settings) as server:
        here = {"Host": "127.0.0.1", "Port": server.port, "Domains": ["a.example"]}
        trusting.fresh(hosts={"holder": {**here, **REQUIRE}})
        facts = nodes(trusting.wait_dequeues(1), "holder")["a.example"]
        assert (facts["outcome"], facts["channel"]) == ("no-tls", "none")
        assert words in facts["text"]
        server.wait_for_log(r"disconnect from .* ehlo=1 starttls=1 commands=2")
