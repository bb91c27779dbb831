"""A machine with programs whose calls can be made to fail (torture.c), and the means to control and watch them."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

from wine.machine import BUILD, FOLDER, PARAMETERS, Machine, Reply

ALIVE = 259  # winbase.h STILL_ACTIVE
KEPT = r"SOFTWARE\Torture"  # a copy of the Parameters key
BELOW_MACHINE = PARAMETERS.removeprefix("HKLM\\")
IMAGE_BASE = 0x140000000

# torture.c's struct control
NUMBERS = ("first", "count", "calls", "failed", "where", "exception", "exception_where")
LIVE = ("nothing", "memory", "system memory", "handles", "keys", "sockets", "services", "searches", "crypto")
NAMES = ("name", "only")
NAME_SIZE = 64
LIVE_AT = 4 * len(NUMBERS)
NAMES_AT = LIVE_AT + 4 * len(LIVE)


class Control:
    """What must fail in a program, and what has failed: a file that the program maps."""

    def __init__(self, program: Path) -> None:
        self.program = program
        path = program.with_name(program.name + ".torture")
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)

    def get(self, name: str) -> int:
        return struct.unpack_from("<i", self._map, 4 * NUMBERS.index(name))[0]

    def set(self, name: str, value: int) -> None:
        struct.pack_into("<i", self._map, 4 * NUMBERS.index(name), value)

    def _text_at(self, name: str) -> int:
        return NAMES_AT + NAME_SIZE * NAMES.index(name)

    def arm(self, first: int, count: int = 1, only: str = "") -> None:
        """From now on the call number `first` fails, and the `count` - 1 after it; 0 for none."""
        self.set("first", 0)
        self._map[self._text_at("only"):self._text_at("only") + NAME_SIZE] = only.encode().ljust(NAME_SIZE, b"\0")
        for name in ("calls", "failed", "where", "exception", "exception_where"):
            self.set(name, 0)
        self.set("count", count)
        self.set("first", first)

    def disarm(self) -> None:
        self.set("first", 0)

    def forget(self) -> None:
        """Prepares for a new process, in which nothing is allocated yet."""
        self.arm(0)
        self._map[LIVE_AT:NAMES_AT] = bytes(NAMES_AT - LIVE_AT)

    def live(self) -> dict[str, int]:
        return dict(zip(LIVE, struct.unpack_from(f"<{len(LIVE)}i", self._map, LIVE_AT)))

    def told(self) -> str:
        """Returns what failed and where, to help find a fault."""
        name = self._map[self._text_at("name"):self._text_at("name") + NAME_SIZE].split(b"\0")[0].decode()
        text = f"call {self.get('first')} of {self.get('calls')}: " if self.get("failed") else "nothing failed"
        if self.get("failed"):
            text += f"{name} at {self.line_of(self.get('where'))}"
        if self.get("exception"):
            text += (f"; exception {self.get('exception') & 0xFFFFFFFF:x} at {self.line_of(self.get('exception_where'))}")
        return text

    def line_of(self, where: int) -> str:
        result = subprocess.run(["x86_64-w64-mingw32-addr2line", "-fspe", BUILD / "torture" / self.program.name,
                                 hex(IMAGE_BASE + where - 1)], text=True, stdout=subprocess.PIPE, check=False)
        return result.stdout.strip()


class Driver:
    """driver.c, running on the machine."""

    def __init__(self, machine: Machine, exe: str) -> None:
        self._process = machine.prefix.popen([exe], stderr=subprocess.DEVNULL)

    def ask(self, line: str) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer, f"the driver died at: {line}"
        return answer

    def numbers(self, line: str) -> list[int]:
        return [int(word) for word in self.ask(line).split()]

    def show(self, key: str) -> list[str]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"show {key}\n")
        self._process.stdin.flush()
        lines = []
        while line := self._process.stdout.readline().strip():
            lines.append(line)
        return lines


class TortureMachine(Machine):
    """Both programs, built with torture.c, and a driver."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        folder = self.prefix.drive_c / "Program Files" / "EtrnSvc"
        for program in ("etrnsvc.exe", "etrnctl.exe", "driver.exe"):
            shutil.copy2(BUILD / "torture" / program, folder)
        self.service = Control(folder / "etrnsvc.exe")
        self.tool = Control(folder / "etrnctl.exe")
        self.driver = Driver(self, FOLDER + r"\driver.exe")
        self._out = self.prefix.drive_c / "out.txt"

    def start(self) -> None:
        self.service.forget()
        error, state, _ = self.driver.numbers("start")
        assert (error, state) == (0, 4), f"the service did not start: error {error}, state {state}"

    def start_failing(self, first: int) -> tuple[int, int, int]:
        """Starts the service while that call fails; returns error, state, exit code."""
        self.service.forget()
        self.service.arm(first)
        error, state, code = self.driver.numbers("start")
        return error, state, code

    def stop(self) -> None:
        self.service.disarm()
        self.driver.numbers("stop")

    def ask_all(self) -> None:
        [error] = self.driver.numbers("control 128")
        assert error == 0, f"the control was not taken: {error}; {self.service.told()}"

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.process()}/task"))

    def alive(self) -> bool:
        return bool(self.processes())

    def tool_failing(self, first: int, *words: str, only: str = "") -> Reply:
        """Runs etrnctl while that call fails, counted among all calls or those of one name; `out` contains both
        streams."""
        self.tool.forget()
        self.tool.arm(first, only=only)
        quoted = " ".join(f'"{word}"' for word in words)
        code = int(self.driver.ask(rf'run C:\out.txt "{FOLDER}\etrnctl.exe" {quoted}').split()[-1])
        return Reply(code, self._out.read_text("utf-8", "replace"), "")
