"""What real servers answer to ETRN, asked by a bare socket: Exim and Sendmail, whose manners differ most from Postfix's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .exim import Exim
from .postfix import MailServer, SmtpSink
from .scripted import Script, ScriptedServer, Silence, free_port
from .sendmail import Sendmail

DOMAINS = [f"d{n}.example" for n in range(20)]
SESSION = 7  # ETRNs that both servers answer at once, by default
BOTH = pytest.mark.parametrize("kind", [Exim, Sendmail])


class Client:
    """A connection that has said EHLO; `extensions` are the lines of the answer."""

    def __init__(self, server: MailServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self._replies = self.socket.makefile("rb")
        self.reply()
        self.extensions = self.ask("EHLO client.example").splitlines()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self.socket.close()

    def ask(self, *commands: str) -> str:
        """The reply to a command, or the first of those to several in one segment."""
        self.socket.sendall("".join(f"{command}\r\n" for command in commands).encode())
        return self.reply()

    def reply(self) -> str:
        """The next reply, or nothing when the server has closed the connection."""
        lines = [self._replies.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(self._replies.readline())
        return b"".join(lines).decode().strip()

    def replies(self) -> list[str]:
        """Those up to the end of the connection."""
        return list(iter(self.reply, ""))

    def etrn(self, node: str) -> tuple[str, float]:
        """The reply, and the seconds it took."""
        begun = time.monotonic()
        return self.ask(f"ETRN {node}"), time.monotonic() - begun


def running_in(directory: Path | str) -> list[str]:
    """The processes whose working directory is there, or was before it was removed."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            current = os.readlink(f"/proc/{process}/cwd")
        except OSError:  # it has just ended
            continue
        if current.startswith(str(directory)):
            found.append(process)
    return found


@pytest.fixture(scope="module", params=[Exim, Sendmail])
def server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with request.param(DOMAINS, free_port(), other_domains=["elsewhere.example"]) as each:
        yield each


def test_etrn_is_offered(server: MailServer) -> None:
    with Client(server) as client:
        assert "250-ETRN" in client.extensions


def test_twenty_domains_in_sessions_of_seven_are_accepted_at_once(server: MailServer) -> None:
    answers = []
    for first in range(0, len(DOMAINS), SESSION):
        with Client(server) as client:
            answers += [client.etrn(server.node(domain)) for domain in DOMAINS[first : first + SESSION]]
            assert client.ask("QUIT").startswith("221")
    assert [reply[:4] for reply, _ in answers] == ["250 "] * len(DOMAINS)
    assert max(seconds for _, seconds in answers) < 1.0


def test_etrn_makes_waiting_mail_arrive(server: MailServer) -> None:
    """Sendmail sends what waits for the domain. Exim goes on with what waits for the host that the domain's mail went to."""
    for domain in DOMAINS[:2]:
        server.enqueue(f"user@{domain}", body=f"mail for {domain}\n")
        server.wait_deferred(domain)
    assert server.queue_count() == 2
    for left in [0] if isinstance(server, Exim) else [1, 0]:
        with SmtpSink(server.target_port) as sink, Client(server) as client:
            assert client.ask(f"ETRN {server.node(DOMAINS[left])}").startswith("250 ")
            server.wait_for_queue(left)
            assert sink.count() == (2 if isinstance(server, Exim) else 1)


def test_pipelined_etrns_get_more_replies_than_commands(server: MailServer) -> None:
    """Each ETRN forks a process, which inherits the replies not yet sent and sends them as well."""
    with Client(server) as client:
        first = client.ask(*(f"ETRN {server.node(domain)}" for domain in DOMAINS[2:5]), "QUIT")
        assert len([first, *client.replies()]) > 4


def test_exim_refuses_a_command_after_etrn_in_one_segment() -> None:
    with Exim(DOMAINS, free_port(), settings={"pipelining_connect_advertise_hosts": ""}) as exim, Client(exim) as client:
        assert "250-PIPELINING" in client.extensions
        assert client.ask("ETRN #d0.example", "NOOP") == "554 SMTP synchronization error"
        assert client.reply() == ""
        assert "ETRN" not in exim.log().partition("synchronization error")[0]  # nothing was started


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    with Exim(DOMAINS, free_port(), other_domains=["elsewhere.example"]) as each:
        yield each


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        ("#elsewhere.example", "458 Administrative prohibition"),
        ("d0.example", "501 argument must begin with #"),
    ],
)
def test_exim_refuses(exim: Exim, node: str, answer: str) -> None:
    with Client(exim) as client:
        assert client.ask(f"ETRN {node}") == answer


def test_exim_hangs_up_at_the_fourth_domain_without_its_sign(exim: Exim) -> None:
    with Client(exim) as client:
        assert [client.ask("ETRN d0.example")[:4] for _ in range(4)] == ["501 "] * 3 + ["501-"]
        assert client.reply() == ""


@pytest.mark.parametrize(
    ("serialize", "answers"),
    [
        ("true", ["250 OK", "458 Already processing d9.example", "250 OK"]),  # which tells upper case from lower
        ("false", ["250 OK"] * 3),
    ],
)
def test_exim_asked_for_a_domain_that_it_is_busy_with(serialize: str, answers: list[str]) -> None:
    with Exim(DOMAINS, free_port(), settings={"smtp_etrn_serialize": serialize}) as server, Client(server) as client:
        server.enqueue("user@d9.example")
        server.wait_deferred("d9.example")
        with ScriptedServer(Script(greeting=[Silence()]), port=server.target_port):  # the delivery will not end
            assert [client.ask(f"ETRN {node}") for node in ("#d9.example", "#d9.example", "#D9.example")] == answers


@pytest.mark.parametrize(("settings", "accepted"), [({}, 10), ({"smtp_accept_max_nonmail": "3"}, 3)])
def test_exim_takes_so_many_etrns_in_a_session_and_hangs_up(settings: dict[str, str], accepted: int) -> None:
    with Exim(DOMAINS, free_port(), settings=settings) as server, Client(server) as client:
        assert [client.ask(f"ETRN #{domain}") for domain in DOMAINS[:accepted]] == ["250 OK"] * accepted
        assert client.ask("ETRN #d19.example") == "554 Too many nonmail commands"
        assert client.reply() == ""


def test_exim_that_denies_etrn_offers_it() -> None:
    with Exim(DOMAINS, free_port(), settings={"acl_smtp_etrn": "deny"}) as server, Client(server) as client:
        assert "250-ETRN" in client.extensions
        assert client.ask("ETRN #d0.example") == "458 Administrative prohibition"


def test_sendmail_without_etrn_refuses_and_does_not_offer_it() -> None:
    with Sendmail(DOMAINS, free_port(), settings={"PrivacyOptions": "noetrn"}) as server, Client(server) as client:
        assert "250-ETRN" not in client.extensions
        assert client.ask("ETRN d0.example") == "502 5.7.0 Sorry, we do not allow this operation"


@pytest.fixture(scope="module")
def sendmail() -> Iterator[Sendmail]:
    with Sendmail(DOMAINS, free_port()) as each:
        yield each


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        ("#nosuch", "459 4.5.4 Queue nosuch unknown"),
        ("unknown.example", "250 2.0.0 Queuing for node unknown.example started"),
        ("@d0.example", "250 2.0.0 Queuing for node @d0.example started"),
    ],
)
def test_sendmail_answers(sendmail: Sendmail, node: str, answer: str) -> None:
    with Client(sendmail) as client:
        assert client.ask(f"ETRN {node}") == answer


def test_sendmail_makes_a_client_wait_after_seven(sendmail: Sendmail) -> None:
    """1, 2, 4 ... s; a wait is shorter when a queue run ends meanwhile, so that some are none."""
    with Client(sendmail) as client:
        assert all(client.etrn(domain)[1] < 1.0 for domain in DOMAINS[:SESSION])
        assert any(client.etrn(domain)[1] > 1.0 for domain in DOMAINS[SESSION:12])
    sendmail.wait_for_log("possible SMTP attack: command=ETRN, count=8")


@BOTH
def test_a_server_started_again_in_its_directory_still_holds_its_mail(kind: type[MailServer]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        server = kind(DOMAINS, free_port(), directory=directory)
        with server:
            server.enqueue("user@d0.example")
            server.wait_deferred("d0.example")
        with server:
            assert server.queue_count() == 1


@BOTH
def test_nothing_is_left_of_a_server_stopped_while_it_delivers(kind: type[MailServer]) -> None:
    with ScriptedServer(Script(greeting=[Silence()])) as target:
        with kind(DOMAINS, target.port) as server:
            server.enqueue("user@d0.example")
            target.wait_for(lambda each: each.open_count() == 1)
            directory = server.directory
            assert directory and len(running_in(directory)) >= 2
        assert not directory.exists()
        assert running_in(directory) == []
        target.wait_for(lambda each: each.open_count() == 0)


@pytest.mark.parametrize(("kind", "settings"), [(Exim, {"nonsense": "1"}), (Sendmail, {"QueueDirectory": "/nonexistent"})])
def test_nothing_is_left_of_a_server_that_cannot_start(kind: type[MailServer], settings: dict[str, str]) -> None:
    server = kind(DOMAINS, free_port(), settings=settings)
    with pytest.raises(TimeoutError, match="the program ended"):
        server.start()
    assert server.directory is None


@BOTH
def test_nothing_is_left_when_the_interpreter_ends(kind: type[MailServer]) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from {kind.__module__} import {kind.__name__}
print({kind.__name__}(["a.example"], 1).start().directory)
raise SystemExit("ended")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    directory = Path(ended.stdout.strip())
    assert (ended.returncode, ended.stderr) == (1, "ended\n")
    assert directory.name.startswith("lab-") and not directory.exists()
    assert running_in(directory) == []
