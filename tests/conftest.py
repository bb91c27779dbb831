"""What all tests share: one Windows machine with the programs, and servers that watch their clients' manners."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import beside
from faults.table import Table
from lab.dns import Failure, NameServer
from lab.scripted import Each, Script
from wine.machine import BUILD, DEAD_ADDRESS, LIVE_ADDRESS, Machine, Patient, Serve, host, host_at, servers

# Names with two addresses each, which the resolver leaves in this order: it prefers neither to the other. The IPv6 ones
# are a port where nothing listens, and a network that no route leads to.
EXTRA_HOSTS = f"""
{DEAD_ADDRESS} dead-first.example
{LIVE_ADDRESS} dead-first.example
{LIVE_ADDRESS} dead-last.example
{DEAD_ADDRESS} dead-last.example
{DEAD_ADDRESS} both-dead.example
::1 v6-dead.example
{LIVE_ADDRESS} v6-dead.example
2001:db8::1 v6-unreachable.example
{LIVE_ADDRESS} v6-unreachable.example
"""
NAME_SERVER = "127.53.{}.{}".format(*divmod(os.getpid() % 65000 + 1, 255))  # of this test run alone
ZONE = {"servfail.example": Failure.SERVFAIL, "silent.example": Failure.SILENCE}
TESTS = Path(__file__).resolve().parent
CLONE_NEWNS = 0x00020000


# The files that take longest, in this order: the workers begin with them, so that none is left with one at the end.
LONGEST = ["installer/test_installer.py", "wine/test_auth.py", "faults/test_faults.py", "wine/test_golden.py",
           "wine/test_errands.py", "wine/test_backup.py", "cron/test_cron_oracle.py", "faults/test_registry.py",
           "wine/test_console.py", "faults/test_connect.py", "wine/test_stop.py", "wine/test_discover.py", "lab/test_demo.py",
           "torture/test_rounds.py", "wine/test_switch.py", "wine/test_schedule.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--beside", metavar="COMMAND", help="run a command beside the tests, which must succeed as they must")


def pytest_configure(config: pytest.Config) -> None:
    beside.start(config)
    config.addinivalue_line("markers", "fault(clause): tests this clause of tests/faults/README.md")
    config.pluginmanager.register(Table(), "faults")


@pytest.fixture(scope="session")
def extra_hosts(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether the names of EXTRA_HOSTS and of ZONE are known: /etc/hosts and /etc/resolv.conf are replaced for these
    tests alone, where that is allowed."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
        return False
    NameServer(NAME_SERVER, ZONE).start()  # until these tests end
    folder = tmp_path_factory.mktemp("etc")
    (folder / "hosts").write_text(Path("/etc/hosts").read_text() + EXTRA_HOSTS)
    (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    commands = [["mount", "--make-rprivate", "/"]]
    commands += [["mount", "--bind", str(path), f"/etc/{path.name}"] for path in folder.iterdir()]
    return all(subprocess.run(command, check=False).returncode == 0 for command in commands)


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
            extra_hosts: bool) -> Iterator[Machine]:
    """The machine; the service is installed there."""
    if any("patient" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("patient")
    for program in ("etrnsvc.exe", "etrnctl.exe"):
        if not (BUILD / program).exists():
            pytest.fail(f"{BUILD / program} is missing: run make first", pytrace=False)
    each = Machine(tmp_path_factory.mktemp("windows") / "prefix")
    yield each
    each.prefix.kill()


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Begins with the first test that needs a machine, so that what takes half a minute is nearly over when it is looked
    at."""
    busy = Script(etrn={"b.example": Each("458 Unable to queue messages", "250 Queuing started"),
                        "c.example": "459 c.example: service unavailable", "*": "250 Queuing started"})
    with servers() as serve:
        each = Patient(Machine(tmp_path_factory.mktemp("patient") / "prefix"), serve(busy), serve(Script(delay=4.0)), {})
        each.machine.fresh({"RetrySeconds": 10, "TimeoutSeconds": 5, "SessionTimeoutSeconds": 30}, {
            "busy": host_at(each.busy, "a.example", "b.example", "c.example"),
            "slow": host_at(each.slow, *[f"{n}.example" for n in range(10)], EtrnsPerConnection=100)})
        each.first = each.machine.wait_told(lambda told: host(told, "busy")["dequeues"] == 1)
        yield each
        each.machine.prefix.kill()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts scripted servers: serve(Script(...)). At the end none may have seen a command before its time."""
    with servers() as start:
        yield start
