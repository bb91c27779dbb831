"""etrnctl in a console of 80 columns and 24 lines, operated through tmux."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import termios
from collections.abc import Iterator

from lab.wine import STARTS, environment

from .machine import TOOL_EXE, Machine, wait_until

HAS_TMUX = shutil.which("tmux") is not None
ENTERS, ENTER_PATIENCE = 3, 5.0  # times, and seconds for each
EXIT = re.compile(r"\[exit (\d+)\]$", re.M)


class Console:
    def __init__(self, machine: Machine, server: str, name: str) -> None:
        self._machine, self._server, self._name = machine, server, name

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *words]
        variables = environment(self._machine.prefix.path) | {"TERM": "xterm-256color"}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30).stdout

    def open(self, words: tuple[str, ...], variables: dict[str, str], redirection: str) -> None:
        given = [f"{name}={value}" for name, value in variables.items()]
        command = shlex.join(["env", *given, "wine", TOOL_EXE, *words])
        # Ctrl+C is for the program: the shell outlives it to tell its exit code. An end by 1 with nothing on the screen is
        # Wine's, which has not started it.
        shell = f"""trap : INT
for try in $(seq {STARTS}); do
    {command} {redirection}
    code=$?
    [ $code = 1 ] && [ -z "$(tmux capture-pane -p -t $TMUX_PANE | tr -d '\\n')" ] || break
done
echo "[exit $code]"; read end"""
        self._tmux("new-session", "-d", "-s", self._name, "-x", "80", "-y", "24", "sh", "-c", shell)

    def screen(self, colours: bool = False) -> str:
        """Returns the visible screen without trailing blanks; colours are escape sequences."""
        lines = self._tmux("capture-pane", "-p", *(["-e"] if colours else []), "-t", self._name).rstrip().split("\n")
        return "".join(line.rstrip() + "\n" for line in lines)

    def wait_for(self, words: str, times: int = 1) -> str:
        """Returns the screen once it contains this text that many times."""
        try:
            return wait_until(lambda: (now := self.screen()).count(words) >= times and now, repr(words))
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.screen()}") from None

    def _reads(self) -> bool:
        """Whether Wine has taken over the terminal, for a program that reads it. What is typed before that is the
        terminal's own to echo, and Enter then arrives as Ctrl+J."""
        terminal = os.open(self._tmux("display-message", "-p", "-t", self._name, "#{pane_tty}").strip(), os.O_RDONLY | os.O_NOCTTY)
        try:
            return not termios.tcgetattr(terminal)[3] & termios.ICANON
        finally:
            os.close(terminal)

    def type(self, *keys: str) -> None:
        """Presses keys: text as it is, or tmux's names for other keys: Enter, C-c. Enter is repeated while the cursor
        stays in its line, since Wine sometimes loses a key that is pressed just when the program begins to read."""
        with contextlib.suppress(TimeoutError):  # one that reads nothing has Ctrl+C all the same
            wait_until(self._reads, "a program that reads the console", 2)
        line = self._line()
        self._tmux("send-keys", "-t", self._name, *keys)
        for _ in range(ENTERS if keys[-1] == "Enter" else 0):
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: self._line() != line, "another line", ENTER_PATIENCE)
                break
            self._tmux("send-keys", "-t", self._name, "Enter")

    def answer(self, question: str, *keys: str, times: int = 1) -> None:
        self.wait_for(question, times)
        self.type(*keys)

    def _line(self) -> str:
        """Returns the line of the cursor, counted from the first line ever on the screen."""
        return self._tmux("display-message", "-p", "-t", self._name, "#{history_size} #{cursor_y}")

    def end(self) -> tuple[str, int]:
        """Waits for the program to end; returns the last screen without the exit code, and the exit code."""
        try:
            screen = wait_until(lambda: EXIT.search(now := self.screen()) and now, "the end")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; line {self._line()} of\n{self.screen()}") from None
        return EXIT.sub("", screen).rstrip() + "\n", int(EXIT.search(screen)[1])

    def close(self) -> None:
        """Closes the window, as a click on its close button does."""
        self._tmux("kill-session", "-t", self._name)


@contextlib.contextmanager
def consoles(machine: Machine) -> Iterator:
    """Opens consoles: open_console("status", "--watch", NO_COLOR="1", redirection="< /dev/null")."""
    server = f"etrn-{os.getpid()}"
    count = 0
    machine.prefix.start()

    def open_console(*words: str, redirection: str = "", **variables: str) -> Console:
        nonlocal count
        count += 1
        console = Console(machine, server, f"console-{count}")
        console.open(words, variables, redirection)
        return console

    try:
        yield open_console
    finally:
        subprocess.run(["tmux", "-L", server, "kill-server"], capture_output=True, check=False)
