"""A real Postfix of one's own, holding mail for domains whose server is down, and a sink that plays that server.

Needs root, as Postfix does. Each instance lives in a directory under /tmp unless another is given: Postfix's daemons run
as user postfix, who may not enter root's own directories (pytest's tmp_path among them). Postfix runs in the foreground
with its log on a pipe: every wait here waits for a line of that log, with a deadline.

    with SmtpSink() as sink, Postfix(["customer.example"], target_port=sink.port) as postfix: ...
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .scripted import free_port

SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 3600 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush -v
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class _Lines:
    """A program's output, read as it comes, by a thread that ends with the program."""

    def __init__(self, process: subprocess.Popen[bytes], separator: bytes) -> None:
        self._process, self._separator = process, separator
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as output:
            while data := os.read(output.fileno(), 65536):
                with self._changed:
                    self._text += data.decode("utf-8", "replace")
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def text(self) -> str:
        """The whole lines so far."""
        with self._changed:
            end = self._text.rfind(self._separator.decode())
            return self._text[: end + 1]

    def wait_for(self, condition: Callable[[str], bool], what: str, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or condition(self.text()), timeout)
            if not condition(self.text()):
                reason = "the program ended" if self._ended else f"{timeout} s"
                raise TimeoutError(f"waited for {what} until {reason}. Its output:\n{self._text}")

    def join(self) -> None:
        self._thread.join(10)


def _check_reachable(directory: Path) -> None:
    """Raises PermissionError when user postfix may not enter the directory."""
    user = pwd.getpwnam("postfix")
    for part in [*reversed(directory.parents), directory]:
        status = part.stat()
        shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid == user.pw_gid else 0
        if not status.st_mode >> shift & 1:
            raise PermissionError(f"user postfix may not enter {part}: give Postfix another directory, or none (then it "
                                  f"makes one under {tempfile.gettempdir()})")


class Postfix:
    """One Postfix, accepting mail and ETRN on 127.0.0.1:port, delivering to 127.0.0.1:target_port.

    `etrn_domains` are those that it relays for and answers ETRN for; those in `other_domains` it relays for only (ETRN
    gives 459). `etrn_restrictions` is smtpd_etrn_restrictions ("reject": ETRN gives 554). `settings` are further lines
    of main.cf. It delivers nothing on its own after a failure: only ETRN, or flush(), makes it try again.
    """

    def __init__(self, etrn_domains: Sequence[str], target_port: int, *, directory: str | Path | None = None, port: int = 0,
                 other_domains: Sequence[str] = (), etrn_restrictions: str = "permit",
                 settings: Mapping[str, str] | None = None) -> None:
        self.etrn_domains, self.other_domains = list(etrn_domains), list(other_domains)
        self.target_port, self.port = target_port, port
        self.etrn_restrictions, self.settings = etrn_restrictions, dict(settings or {})
        self.directory = Path(directory).absolute() if directory else None
        self._own_directory = directory is None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: _Lines | None = None

    def __enter__(self) -> Postfix:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 30.0) -> Postfix:
        """Returns when it accepts connections."""
        if os.geteuid() != 0:
            raise PermissionError("Postfix runs only when root starts it")
        atexit.register(self.stop)
        try:
            self._configure()
            self._process = subprocess.Popen(["postfix", "-c", str(self._config), "start-fg"], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            self._lines = _Lines(self._process, b"\n")
            self.wait_for_log("daemon started", timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends all of it, and removes the directory if it was its own. log() stays readable."""
        if self._process:
            subprocess.run(["postfix", "-c", str(self._config), "stop"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=30, check=False)
            try:
                self._process.wait(10)
            finally:
                with contextlib.suppress(ProcessLookupError):  # the usual case: nothing is left
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                self._process = None
            assert self._lines
            self._lines.join()
        if self._own_directory and self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None
        atexit.unregister(self.stop)

    def enqueue(self, recipient: str, sender: str = "sender@lab.example", body: str = "Hello\n") -> None:
        """Hands in one message by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as smtp:
            smtp.sendmail(sender, [recipient], f"From: {sender}\r\nTo: {recipient}\r\nSubject: lab\r\n\r\n{body}")

    def wait_deferred(self, domain: str, count: int = 1, timeout: float = 30.0) -> None:
        """Returns when so many deliveries to the domain have failed since the start, and ETRN would find the messages."""
        deadline = time.monotonic() + timeout
        added = rf"flush_add_service: site {re.escape(domain)} queue_id (\w+)\n(?:.*\n)*?.*send attr status = 0"
        self.wait_for_log(added, timeout, count)
        assert self.directory
        active = [self.directory / "queue" / "active" / queue_id for queue_id in re.findall(added, self.log())]
        while any(path.exists() for path in active):  # the queue manager's last step, which it does not log
            if time.monotonic() > deadline:
                raise TimeoutError(f"mail for {domain} is still being delivered:\n{self.log()}")
            time.sleep(0.005)

    def queue_count(self) -> int:
        """How many messages it holds."""
        listing = subprocess.run(["postqueue", "-c", str(self._config), "-j"], capture_output=True, text=True, timeout=30,
                                 check=True)
        return len(listing.stdout.splitlines())

    def flush(self) -> None:
        """Has it try all mail again at once."""
        subprocess.run(["postqueue", "-c", str(self._config), "-f"], timeout=30, check=True)

    def log(self) -> str:
        return self._lines.text() if self._lines else ""

    def wait_for_log(self, pattern: str, timeout: float = 30.0, count: int = 1) -> None:
        """Returns when a regular expression occurs so often in the log since the start."""
        if not self._lines:
            raise RuntimeError("Postfix was not started")
        self._lines.wait_for(lambda text: len(re.findall(pattern, text)) >= count, f"{count} x {pattern}", timeout)

    @property
    def _config(self) -> Path:
        assert self.directory
        return self.directory / "config"

    def _configure(self) -> None:
        if self._own_directory:
            self.directory = Path(tempfile.mkdtemp(prefix="lab-postfix-"))
            self.directory.chmod(0o755)
        assert self.directory
        for part in ("config", "queue", "data"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        _check_reachable(self.directory)
        shutil.chown(self.directory / "data", "postfix")
        self.port = self.port or free_port()
        domains = [*self.etrn_domains, *self.other_domains]
        routes = ", ".join(f"{{ {domain} = smtp:[127.0.0.1]:{self.target_port} }}" for domain in domains)
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.directory / "queue"),
            "data_directory": str(self.directory / "data"),
            "maillog_file": "/dev/stdout",
            "myhostname": "holder.example",
            "mydestination": "",
            "alias_maps": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
            "relay_domains": " ".join(domains),
            "fast_flush_domains": " ".join(self.etrn_domains),
            "transport_maps": f"inline:{{ {routes} }}" if domains else "",
            "default_transport": "error:this laboratory sends nothing away",
            "smtpd_etrn_restrictions": self.etrn_restrictions,
            "smtpd_client_connection_count_limit": "0",
            "queue_run_delay": "1h",
            "minimal_backoff_time": "1h",
            "maximal_backoff_time": "2h",
        }
        lines = [f"{name} = {value}\n" for name, value in (settings | self.settings).items()]
        (self._config / "main.cf").write_text("".join(lines))
        (self._config / "master.cf").write_text(SERVICES.format(port=self.port))


class SmtpSink:
    """Postfix's smtp-sink on 127.0.0.1:port: takes every message; `directory`, when given, gets one file a message."""

    def __init__(self, port: int = 0, directory: str | Path | None = None) -> None:
        self.port = port or free_port()
        self.directory = Path(directory).absolute() if directory else None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: _Lines | None = None

    def __enter__(self) -> SmtpSink:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> SmtpSink:
        """Returns when it accepts connections. After stop() it can be started again, on the same port."""
        command = ["smtp-sink", "-4", "-c", "-u", "postfix"]
        if self.directory:
            self.directory.mkdir(parents=True, exist_ok=True)
            shutil.chown(self.directory, "postfix")
            _check_reachable(self.directory)
            command += ["-d", f"{self.directory}/message."]
        atexit.register(self.stop)
        self._process = subprocess.Popen([*command, f"127.0.0.1:{self.port}", "1000"], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._lines = _Lines(self._process, b"\r")
        try:
            self._wait_listening()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            assert self._lines
            self._lines.join()
        atexit.unregister(self.stop)

    def count(self) -> int:
        """How many messages have arrived whole since the start."""
        return self._count(self._lines.text() if self._lines else "")

    def wait_for(self, count: int, timeout: float = 30.0) -> None:
        """Returns when so many messages have arrived since the start."""
        if not self._lines:
            raise RuntimeError("the sink was not started")
        self._lines.wait_for(lambda text: self._count(text) >= count, f"{count} messages", timeout)

    def messages(self) -> list[str]:
        """The messages in `directory`, whole only after wait_for()."""
        return [path.read_text(errors="replace") for path in sorted((self.directory or Path()).glob("message.*"))]

    @staticmethod
    def _count(text: str) -> int:
        counters = re.findall(r"mesg=(\d+)", text)
        return int(counters[-1]) if counters else 0

    def _wait_listening(self, timeout: float = 10.0) -> None:
        assert self._process and self._lines
        deadline = time.monotonic() + timeout
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout).close()
                return
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"smtp-sink does not listen on port {self.port}") from None
                time.sleep(0.005)
