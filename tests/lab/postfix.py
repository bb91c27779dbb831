"""A real Postfix of one's own, holding mail for domains whose server is down, and a sink that plays that server.

MailServer is what Postfix shares with the other servers (exim, sendmail). They need root. Each instance lives in a
directory under /tmp unless another is given: most of their processes run as a user who may not enter root's own
directories (pytest's tmp_path among them). A server runs in the foreground with its log on a pipe: every wait here waits
for a line of that log, with a deadline.

    with SmtpSink() as sink, Postfix(["customer.example"], target_port=sink.port) as postfix: ...
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from .scripted import free_port

SERVERS = Path(__file__).resolve().parents[2] / "build" / "servers"
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


class Lines:
    """A program's output, read as it comes, by a thread that ends with the program."""

    def __init__(self, output: BinaryIO, separator: bytes = b"\n") -> None:
        self._output, self._separator = output, separator
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._output:
            while data := os.read(self._output.fileno(), 65536):
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


def check_reachable(directory: Path, name: str) -> None:
    """Raises PermissionError when the user of this name may not enter the directory."""
    user = pwd.getpwnam(name)
    for part in [*reversed(directory.parents), directory]:
        status = part.stat()
        shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid == user.pw_gid else 0
        if not status.st_mode >> shift & 1:
            raise PermissionError(f"user {name} may not enter {part}: give another directory, or none (then one is made "
                                  f"under {tempfile.gettempdir()})")


def wait_listening(process: subprocess.Popen[bytes], port: int, timeout: float = 10.0) -> None:
    """Returns when 127.0.0.1:port accepts connections, which is the program's task."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args} does not listen on port {port}") from None
            time.sleep(0.005)


def unpack(name: str, packages: Sequence[str]) -> Path:
    """The directory of a server that cannot be installed beside Postfix: these Debian packages, and those of their
    dependencies that this machine lacks, downloaded and unpacked when it is absent. Safe when several ask at once."""
    path = SERVERS / name
    SERVERS.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_name(name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            downloads = unfinished / "packages"
            downloads.mkdir(parents=True)
            _download(packages, downloads)
            for package in downloads.iterdir():
                subprocess.run(["dpkg", "-x", package, unfinished], check=True)
            for file in unfinished.rglob("*"):
                if not file.is_symlink() and file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID):
                    file.chmod(file.stat().st_mode & 0o777)  # with these bits a program would not use unpacked libraries
            unfinished.rename(path)
    return path


def _download(packages: Sequence[str], directory: Path) -> None:
    def apt_get(*arguments: str) -> str:
        return subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *arguments], cwd=directory, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=300, check=True).stdout

    def attempt() -> None:
        plan = apt_get("--simulate", "--no-install-recommends", "install", *packages)
        apt_get("download", *{*packages, *re.findall(r"^Inst (\S+)", plan, re.MULTILINE)})

    try:
        attempt()
    except subprocess.CalledProcessError:  # no list of packages here, or one that is out of date
        apt_get("update")
        attempt()


def unpacked_environment(root: Path) -> dict[str, str]:
    """The environment in which the programs of an unpacked server find each other and their libraries."""
    libraries = [str(path) for path in (*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu"))]
    return os.environ | {"LD_LIBRARY_PATH": ":".join(libraries), "PATH": f"{root}/usr/bin:{os.environ['PATH']}"}


def is_locked(path: Path, lock: Callable[[BinaryIO, int], None]) -> bool:
    """Whether another process holds the lock, fcntl.flock or fcntl.lockf, on a file; not when there is no such file."""
    try:
        with open(path, "r+b") as file:
            lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class MailServer:
    """One mail server, accepting mail and ETRN on 127.0.0.1:port, delivering to 127.0.0.1:target_port.

    `etrn_domains` are those that it relays for and answers ETRN for; those in `other_domains` it relays for only.
    `settings` are further lines of its configuration. It delivers nothing on its own after a failure: only ETRN makes it
    try again.
    """

    def __init__(self, etrn_domains: Sequence[str], target_port: int, *, directory: str | Path | None = None, port: int = 0,
                 other_domains: Sequence[str] = (), settings: Mapping[str, str] | None = None) -> None:
        self.etrn_domains, self.other_domains = list(etrn_domains), list(other_domains)
        self.target_port, self.port = target_port, port
        self.settings = dict(settings or {})
        self.directory = Path(directory).absolute() if directory else None
        self._own_directory = directory is None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Lines | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 30.0) -> Self:
        """Returns when it accepts connections."""
        if os.geteuid() != 0:
            raise PermissionError(f"{type(self).__name__} runs only when root starts it")
        atexit.register(self.stop)
        try:
            if self._own_directory:
                self.directory = Path(tempfile.mkdtemp(prefix=f"lab-{type(self).__name__.lower()}-"))
                self.directory.chmod(0o755)
            self.port = self.port or free_port()
            self._configure()
            self._process, output = self._launch()
            self._lines = Lines(output)
            self._wait_ready(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends all of it, and removes the directory if it was its own. log() stays readable."""
        if self._process:
            self._terminate()
            try:
                self._process.wait(10)
            finally:
                with contextlib.suppress(ProcessLookupError):  # the usual case: nothing is left
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                self._process = None
            if self._lines:
                self._lines.join()
        if self._own_directory and self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None
        atexit.unregister(self.stop)

    def node(self, domain: str) -> str:
        """What a client asks for by ETRN when it wants the mail of this domain."""
        return domain

    def enqueue(self, recipient: str, sender: str = "sender@lab.example", body: str = "Hello\n") -> None:
        """Hands in one message by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as smtp:
            smtp.sendmail(sender, [recipient], f"From: {sender}\r\nTo: {recipient}\r\nSubject: lab\r\n\r\n{body}")

    def wait_deferred(self, domain: str, count: int = 1, timeout: float = 30.0) -> None:
        """Returns when so many deliveries to the domain have failed since the start, and ETRN would find the messages."""
        deadline = time.monotonic() + timeout
        deferral = self._deferral(re.escape(domain))
        self.wait_for_log(deferral, timeout, count)
        queue_ids = re.findall(deferral, self.log())
        while any(self._is_delivering(queue_id) for queue_id in queue_ids):  # the last step, which no server logs
            if time.monotonic() > deadline:
                raise TimeoutError(f"mail for {domain} is still being delivered:\n{self.log()}")
            time.sleep(0.005)
        time.sleep(1.1)  # queue times are whole seconds: asked for within the second of the failure, it may be passed over

    def queue_count(self) -> int:
        """How many messages it holds. One that was delivered counts until the server has removed it."""
        raise NotImplementedError

    def wait_for_queue(self, count: int, timeout: float = 30.0) -> None:
        """Returns when it holds so many messages: with a sink that runs on, when the rest is delivered and removed."""
        deadline = time.monotonic() + timeout
        while (held := self.queue_count()) != count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{held} messages, not {count}, after {timeout} s:\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        return self._lines.text() if self._lines else ""

    def wait_for_log(self, pattern: str, timeout: float = 30.0, count: int = 1) -> None:
        """Returns when a regular expression occurs so often in the log since the start."""
        if not self._lines:
            raise RuntimeError(f"{type(self).__name__} was not started")
        self._lines.wait_for(lambda text: len(re.findall(pattern, text)) >= count, f"{count} x {pattern}", timeout)

    def _configure(self) -> None:
        """Writes its files into the directory, which exists."""
        raise NotImplementedError

    def _launch(self) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        """Starts it as the leader of a session, and returns it with its log."""
        raise NotImplementedError

    def _wait_ready(self, timeout: float) -> None:
        raise NotImplementedError

    def _terminate(self) -> None:
        """Asks it to end."""
        assert self._process
        self._process.terminate()

    def _deferral(self, domain: str) -> str:
        """What its log says when a delivery to the (escaped) domain has failed: one group, the queue id."""
        raise NotImplementedError

    def _is_delivering(self, queue_id: str) -> bool:
        raise NotImplementedError


class Postfix(MailServer):
    """One Postfix. ETRN for other domains gives 459. `etrn_restrictions` is smtpd_etrn_restrictions ("reject": ETRN gives
    554), `settings` are lines of main.cf. It listens on `also_at`, address:port, as well. With `users`, names and their
    passwords, it offers AUTH by these `mechanisms`. It tries again after ETRN or flush()."""

    def __init__(self, etrn_domains: Sequence[str], target_port: int, *, etrn_restrictions: str = "permit",
                 also_at: str = "", users: Mapping[str, str] | None = None, mechanisms: str = "PLAIN LOGIN CRAM-MD5",
                 **options: Any) -> None:
        super().__init__(etrn_domains, target_port, **options)
        self.etrn_restrictions = etrn_restrictions
        self.also_at = also_at
        self.users, self.mechanisms = dict(users or {}), mechanisms

    def queue_count(self) -> int:
        listing = subprocess.run(["postqueue", "-c", str(self._config), "-j"], capture_output=True, text=True, timeout=30,
                                 check=True)
        return len(listing.stdout.splitlines())

    def flush(self) -> None:
        """Has it try all mail again at once."""
        subprocess.run(["postqueue", "-c", str(self._config), "-f"], timeout=30, check=True)

    @property
    def _config(self) -> Path:
        assert self.directory
        return self.directory / "config"

    def _launch(self) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        process = subprocess.Popen(["postfix", "-c", str(self._config), "start-fg"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        assert process.stdout
        return process, process.stdout

    def _wait_ready(self, timeout: float) -> None:
        self.wait_for_log("daemon started", timeout)

    def _terminate(self) -> None:
        subprocess.run(["postfix", "-c", str(self._config), "stop"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=30, check=False)

    def _deferral(self, domain: str) -> str:
        return rf"flush_add_service: site {domain} queue_id (\w+)\n(?:.*\n)*?.*send attr status = 0"

    def _is_delivering(self, queue_id: str) -> bool:
        assert self.directory
        return (self.directory / "queue" / "active" / queue_id).exists()

    def _configure(self) -> None:
        assert self.directory
        for part in ("config", "queue", "data"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        check_reachable(self.directory, "postfix")
        shutil.chown(self.directory / "data", "postfix")
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
        settings |= self._configure_users() if self.users else {}
        lines = [f"{name} = {value}\n" for name, value in (settings | self.settings).items()]
        (self._config / "main.cf").write_text("".join(lines))
        services = SERVICES.format(port=self.port)
        also = f"{self.also_at} inet n - n - - smtpd\n" if self.also_at else ""
        (self._config / "master.cf").write_text(services + also)

    def _configure_users(self) -> dict[str, str]:
        """Cyrus SASL with a file of passwords, which each smtpd reads itself."""
        database, domain = self._config / "sasldb2", "holder.example"
        for user, password in self.users.items():
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", str(database), "-u", domain, user], input=password, text=True,
                           check=True)
        shutil.chown(database, "postfix")
        (self._config / "sasl").mkdir(exist_ok=True)  # where Debian's Postfix looks for it
        (self._config / "sasl" / "smtpd.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {self.mechanisms}\n")
        return {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "cyrus",
            "smtpd_sasl_path": "smtpd",
            "smtpd_sasl_local_domain": domain,
        }


class SmtpSink:
    """Postfix's smtp-sink on 127.0.0.1:port: takes every message; `directory`, when given, gets one file a message."""

    def __init__(self, port: int = 0, directory: str | Path | None = None) -> None:
        self.port = port or free_port()
        self.directory = Path(directory).absolute() if directory else None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Lines | None = None

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
            check_reachable(self.directory, "postfix")
            command += ["-d", f"{self.directory}/message."]
        atexit.register(self.stop)
        self._process = subprocess.Popen([*command, f"127.0.0.1:{self.port}", "1000"], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self._process.stdout
        self._lines = Lines(self._process.stdout, b"\r")
        try:
            wait_listening(self._process, self.port)
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
        """Returns when so many messages have arrived since the start. The sink counts a message before it says so to the
        sender: one that stops the sink then may find the message still queued."""
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
