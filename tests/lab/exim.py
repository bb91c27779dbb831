"""A real Exim of one's own, holding mail for domains whose server is down: its own delivery, its own "exim -R" for ETRN.

    with Exim(["customer.example"], target_port=free_port()) as exim: ...
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .postfix import MailServer, check_reachable, is_locked, unpack, unpacked_environment

PACKAGES = ["exim4-daemon-light"]
USER = "Debian-exim"  # compiled into the program
LISTS_AND_RULES = """
domainlist etrn = {etrn}
domainlist relay = {relay}
begin acl
rcpt:
  accept domains = +relay
etrn:
  accept condition = ${{if match_domain{{${{sg{{$smtp_command_argument}}{{^#}}{{}}}}}}{{+etrn}}}}
begin routers
target:
  driver = manualroute
  domains = +relay
  route_list = * 127.0.0.1
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  port = {target_port}
begin retry
* * F,1d,1h
"""


class Exim(MailServer):
    """One Exim 4, all of it running as user Debian-exim. ETRN wants #domain, and gives "458 Administrative prohibition" for
    others than `etrn_domains`. `settings` are main options: {"acl_smtp_etrn": "deny"} gives 458 to all,
    {"smtp_etrn_serialize": "false"} lets a domain be asked for twice at a time, smtp_accept_max_nonmail bounds the ETRNs
    of a session, {"pipelining_connect_advertise_hosts": ""} brings back "554 SMTP synchronization error"."""

    def node(self, domain: str) -> str:
        return "#" + domain

    def queue_count(self) -> int:
        count = subprocess.run([*self._command, "-bpc"], **self._identity, capture_output=True, text=True, timeout=30,
                               check=True)
        return int(count.stdout)

    @property
    def _command(self) -> list[str]:
        return [str(self._program / "usr/sbin/exim4"), "-C", f"{self.directory}/config"]

    @property
    def _identity(self) -> Mapping[str, Any]:
        """Popen's options for a process of this server."""
        return {"user": USER, "group": USER, "extra_groups": [], "env": unpacked_environment(self._program)}

    @property
    def _program(self) -> Path:
        """A copy: the user may not be allowed to enter the directory of this laboratory."""
        assert self.directory
        return self.directory / "program"

    def _configure(self) -> None:
        assert self.directory
        try:
            pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                            "--shell", "/usr/sbin/nologin", USER], check=True)
        shutil.rmtree(self._program, ignore_errors=True)
        for part in ("usr/sbin", "usr/lib"):
            shutil.copytree(unpack("exim", PACKAGES) / part, self._program / part, symlinks=True)
        for part in ("spool", "log"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
            shutil.chown(self.directory / part, USER, USER)
        check_reachable(self.directory, USER)
        settings = {
            "exim_path": f"{self._program}/usr/sbin/exim4",  # what ETRN starts
            "keep_environment": "LD_LIBRARY_PATH",
            "deliver_drop_privilege": "true",  # it has none
            "spool_directory": f"{self.directory}/spool",
            "log_file_path": f"{self.directory}/log/%s",
            "write_rejectlog": "false",
            "pid_file_path": "",
            "notifier_socket": "",
            "primary_hostname": "holder.example",
            "local_interfaces": "127.0.0.1",
            "daemon_smtp_ports": str(self.port),
            "daemon_startup_retries": "0",
            "disable_ipv6": "true",
            "host_lookup": "",
            "helo_lookup_domains": "",  # with the line above: no DNS
            "tls_advertise_hosts": "",
            "acl_smtp_rcpt": "rcpt",
            "acl_smtp_etrn": "etrn",
        }
        (self.directory / "config").write_text(
            "".join(f"{name} = {value}\n" for name, value in (settings | self.settings).items())
            + LISTS_AND_RULES.format(etrn=" : ".join(self.etrn_domains), target_port=self.target_port,
                                     relay=" : ".join([*self.etrn_domains, *self.other_domains])))

    def _launch(self) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        """Each process of Exim opens the log by its name, so the pipe has one."""
        assert self.directory
        log, panic = self.directory / "log" / "main", self.directory / "log" / "panic"
        for path in (log, panic):
            path.unlink(missing_ok=True)
        os.mkfifo(log)
        shutil.chown(log, USER, USER)
        panic.symlink_to(log)
        output = open(os.open(log, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        os.set_blocking(output.fileno(), True)
        with open(log, "wb", buffering=0) as errors:
            process = subprocess.Popen([*self._command, "-bdf"], **self._identity, stdin=subprocess.DEVNULL, stdout=errors,
                                       stderr=errors, start_new_session=True)
        return process, output

    def _wait_ready(self, timeout: float) -> None:
        self.wait_for_log("listening for SMTP", timeout)

    def _deferral(self, domain: str) -> str:
        return rf"(\S+) == \S+@{domain} .*defer"

    def _is_delivering(self, queue_id: str) -> bool:
        assert self.directory
        return is_locked(self.directory / "spool" / "input" / f"{queue_id}-D", fcntl.lockf)
