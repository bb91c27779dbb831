"""Start and stop: the service is started, and stopped at a random instant of its first round or behind it."""

from __future__ import annotations

import random
import time

from lab.scripted import Script, ScriptedServer, loopback
from wine.machine import RUNNING, Machine, Value, outcomes, wait_gone

from .behaviours import NODES
from .watch import Watch, demand, sample

STOP_LIMIT = 2.0  # seconds
BUSY = 3.0  # seconds more, on a machine that has much else to do
HOSTS = 4
INTERNAL_ERROR = 1359  # winerror.h
MOST_AGAIN = 200
LOOK = 10  # every so many cycles the round is waited for, and what the process has is looked at


class Cycles:
    def __init__(self, machine: Machine, seed: str) -> None:
        self.machine = machine
        self.random = random.Random(seed)
        self.server = ScriptedServer(Script(delay=0.001), loopback(HOSTS))
        self.watch = Watch()
        self.cycles = 0
        self.again = 0  # StartService had to be called
        self.slowest = 0.0  # stop, in seconds

    def begin(self) -> None:
        self.server.start()
        hosts: dict[str, dict[str, Value]] = {
            address: {"Port": self.server.port, "Domains": NODES} for address in self.server.addresses}
        self.machine.fresh({"ProtocolLog": 1}, hosts, start=False)

    def end(self) -> None:
        self.server.stop()

    def _start(self) -> None:
        """Wine's own service manager fails once in some hundred times, before there is a process; it is asked again."""
        error, state = self.machine.control(0, RUNNING)
        if error == INTERNAL_ERROR and not self.machine.processes():
            self.again += 1
            demand(self.again <= 1 + self.cycles // MOST_AGAIN, f"cycle {self.cycles}: StartService failed too often")
            error, state = self.machine.control(0, RUNNING)
        demand((error, state) == (0, RUNNING), f"cycle {self.cycles}: it did not start: error {error}, state {state}")

    def cycle(self) -> None:
        self._start()
        pid = self.machine.process()
        if self.cycles % LOOK == 0:
            told = self.machine.wait_told(lambda told: told["sessions"] == 0 and all(
                host["dequeues"] == 1 for host in told["hosts"]))
            for address in self.server.addresses:
                demand(outcomes(told, address) == dict.fromkeys(NODES, "started"), f"cycle {self.cycles}: {told}")
            self.watch.add(sample(pid, self.machine.handles()))
        else:
            time.sleep(self.random.random() * 0.06)
        began = time.monotonic()
        self.machine.stop()
        demand(wait_gone(pid, STOP_LIMIT + BUSY), f"cycle {self.cycles}: the process did not end")
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.cycles += 1
        if self.cycles % LOOK == 0:
            left = sorted(path.name for path in self.machine.status_file.parent.iterdir())
            demand(left == ["log", "status.json"], f"cycle {self.cycles}: left behind: {left}")
            demand(not self.server.violations(), lambda: f"a client broke the protocol: {self.server.violations()}")
            self.server.wait_for(lambda server: server.open_count() == 0)
            self.server.forget()
