"""A real Sendmail of one's own, holding mail for domains whose server is down: its own delivery, its own queue run for ETRN.

    with Sendmail(["customer.example"], target_port=free_port()) as sendmail: ...
"""

from __future__ import annotations

import fcntl
import re
import socket
import subprocess
from pathlib import Path
from typing import BinaryIO

from .postfix import MailServer, is_locked, unpack, unpacked_environment, wait_listening

PACKAGES = ["sendmail-bin", "sendmail-cf", "m4"]

# cf/README of Sendmail explains each. The load limits keep a busy test machine from being taken for a busy server.
CONFIGURATION = """\
OSTYPE(`linux')dnl
define(`QUEUE_DIR', `{directory}/queue')dnl
define(`confPID_FILE', `{directory}/pid')dnl
define(`confSERVICE_SWITCH_FILE', `{directory}/switch')dnl
define(`STATUS_FILE', `')dnl
define(`ALIAS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`confDOMAIN_NAME', `holder.example')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`SMART_HOST', `[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {target_port}')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
{relay}MAILER(`smtp')dnl
"""


class Sendmail(MailServer):
    """One Sendmail 8. ETRN gives 250 for any domain, "459 4.5.4 Queue x unknown" for #x. `settings` are options of
    sendmail.cf: {"PrivacyOptions": "noetrn"} gives 502 to all. From the eighth ETRN of a session it answers more and more
    slowly."""

    def queue_count(self) -> int:
        listing = subprocess.run([*self._command, "-bp"], env=self._environment, capture_output=True, text=True, timeout=30,
                                 check=True)
        return int(re.findall(r"Total requests: (\d+)", listing.stdout)[-1])

    @property
    def _root(self) -> Path:
        return unpack("sendmail", PACKAGES)

    @property
    def _environment(self) -> dict[str, str]:
        return unpacked_environment(self._root)

    @property
    def _command(self) -> list[str]:
        """With an /etc/hosts of its own: Sendmail sleeps for a minute when the machine's name there has no dot. And with
        process ids of its own: what delivers leaves the session, and ends only with the first process of these."""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', f"{self.directory}/hosts",
                str(self._root / "usr/libexec/sendmail/sendmail"), "-C", f"{self.directory}/sendmail.cf"]

    def _configure(self) -> None:
        assert self.directory
        (self.directory / "queue").mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.directory / "hosts").write_text("".join(
            f"{address} localhost\n{address} holder.example {socket.gethostname()}\n" for address in ("127.0.0.1", "::1")))
        (self.directory / "switch").write_text("hosts files\n")
        macros = self.directory / "sendmail.mc"
        macros.write_text(CONFIGURATION.format(
            directory=self.directory, port=self.port, target_port=self.target_port,
            relay="".join(f"RELAY_DOMAIN(`{domain}')dnl\n" for domain in [*self.etrn_domains, *self.other_domains])))
        library = self._root / "usr/share/sendmail/cf"
        made = subprocess.run(["m4", f"-D_CF_DIR_={library}/", library / "m4/cf.m4", macros],
                              env=self._environment, stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        (self.directory / "sendmail.cf").write_text(
            made.stdout + "".join(f"O {name}={value}\n" for name, value in self.settings.items()))

    def _launch(self) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        """-d89.100 has it say what it tells syslog, and -D where: otherwise its clients hear it."""
        process = subprocess.Popen([*self._command, "-D", "/dev/stdout", "-d89.100", "-bD"],
                                   env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        assert process.stdout
        return process, process.stdout

    def _wait_ready(self, timeout: float) -> None:
        self.wait_for_log("starting daemon", timeout)
        assert self._process
        wait_listening(self._process, self.port, timeout)

    def _terminate(self) -> None:
        """unshare does not pass SIGTERM on; when it is killed, all ends."""
        assert self._process
        self._process.kill()

    def _deferral(self, domain: str) -> str:
        return rf"(\w+): to=<[^>]*@{domain}>.*stat=Deferred"

    def _is_delivering(self, queue_id: str) -> bool:
        assert self.directory
        return is_locked(self.directory / "queue" / f"qf{queue_id}", fcntl.flock)
