"""A Windows machine for one test: a Wine prefix of its own, made by copying a template that is made once.

The machine is switched on by the first run() or popen() and stays on until kill(). That matters: when the last ordinary
program of a prefix ends, Wine ends its services as well, so a waiting cmd.exe keeps the machine up. Output goes through
files, not pipes, since Wine's background processes inherit a pipe and keep it open for seconds after the program ended.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "build" / "wine-template"
NEVER_WRITTEN = ("drive_c/windows/system32", "drive_c/windows/winsxs")  # Wine's own 670 MB: linked, not copied
BOOT_TIMEOUT = 120.0

# Wine on a busy machine sometimes does not start a program: exit code 1, and not a word. These say why whenever they fail,
# so their silence means that they never ran, and they are started again.
SPEAK_WHEN_FAILING = ("reg", "sc", "net", "etrnctl.exe")
STARTS = 5

Arguments = str | Path | Sequence[str | Path]


def windows_path(path: str | Path) -> str:
    """The name a Windows program uses for a file of this machine: Z:\\tmp\\x for /tmp/x."""
    return "Z:" + str(Path(path).absolute()).replace("/", "\\")


def environment(prefix: Path, debug: str = "") -> dict[str, str]:
    """The environment in which Wine uses this prefix, asks nothing and draws nothing."""
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return env | {
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": f"-all,{debug}".rstrip(","),
        "WINEDLLOVERRIDES": "mscoree,mshtml=",  # no offer to download Mono or Gecko
        "LC_ALL": "C.UTF-8",
    }


def switch_off(prefix: Path) -> None:
    """Ends every process of this prefix, and returns when the last is gone and the registry is on disk."""
    env = environment(prefix)
    subprocess.run(["wineserver", "-k"], env=env, timeout=30, check=False)  # 1 when it is off already
    subprocess.run(["wineserver", "-w"], env=env, timeout=30, check=False)
    forget_server(prefix)


def forget_server(prefix: Path) -> None:
    """Removes what Debian's wineserver leaves in TMPDIR or /tmp for a prefix whose processes have ended: the file `wineserver`
    of the prefix names a directory, which has one for each prefix that shares it."""
    with contextlib.suppress(OSError):
        status = prefix.stat()
        directory = Path(os.environ.get("TMPDIR") or "/tmp", (prefix / "wineserver").read_text().strip())
        shutil.rmtree(directory / f"server-{status.st_dev:x}-{status.st_ino:x}", ignore_errors=True)
        directory.rmdir()  # unless others share it


def remove_unfinished_template(path: Path = TEMPLATE) -> None:
    """What is left of a make_template() whose processes were killed; nothing while another is making it."""
    unfinished = path.with_name(path.name + ".unfinished")
    with contextlib.suppress(OSError), open(path.with_name(path.name + ".lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        forget_server(unfinished)
        shutil.rmtree(unfinished, ignore_errors=True)


def make_template(path: Path = TEMPLATE) -> Path:
    """Makes the template prefix when it is absent (about 8 s); safe when several test runs ask at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_name(path.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                subprocess.run(
                    ["wine", "wineboot", "-i"], env=environment(unfinished), timeout=BOOT_TIMEOUT, check=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            finally:
                switch_off(unfinished)
            unfinished.rename(path)
    return path


def copy_template(template: Path, path: Path) -> None:
    """Copies a prefix that is switched off. What no program writes is linked where the file system allows (0.1 s, 15 MB)."""

    def link_or_copy(source: str, target: str) -> None:
        if os.path.relpath(source, template).startswith(NEVER_WRITTEN):
            with contextlib.suppress(OSError):
                os.link(source, target)
                return
        shutil.copy2(source, target)

    shutil.copytree(template, path, symlinks=True, copy_function=link_or_copy, ignore=shutil.ignore_patterns("wineserver"))


class WinePrefix:
    """One Windows machine. `debug` names Wine's debug channels; what services say there is in log(): with
    debug="+eventlog" the events that they report. A context manager; kill() also happens when the interpreter ends."""

    def __init__(self, path: str | Path, template: Path = TEMPLATE, debug: str = "",
                 env: Mapping[str, str] | None = None) -> None:
        self.path = Path(path).absolute()
        self._env = environment(self.path, debug) | dict(env or {})
        self._holder: subprocess.Popen[str] | None = None
        self._children: list[subprocess.Popen[str]] = []
        if not (self.path / "system.reg").exists():
            copy_template(make_template(template), self.path)
        atexit.register(self.kill)

    def __enter__(self) -> WinePrefix:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def drive_c(self) -> Path:
        return self.path / "drive_c"

    @property
    def program_data(self) -> Path:
        """%ProgramData% as a directory of this machine."""
        return self.drive_c / "ProgramData"

    def log(self) -> str:
        """What background processes, services among them, have written to stderr since the prefix was made."""
        path = self.path / "background.log"
        return _text(path.read_bytes()) if path.exists() else ""

    def start(self) -> None:
        """Switches the machine on and returns when its service manager is up (0.9 s; at once when it is on)."""
        if self._holder and self._holder.poll() is None:
            return
        with open(self.path / "background.log", "ab") as log:
            self._holder = subprocess.Popen(
                ["wine", "cmd", "/c", "echo ready & set /p until_stdin_ends="], env=self._env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )
        assert self._holder.stdout
        answers, _, _ = select.select([self._holder.stdout], [], [], BOOT_TIMEOUT)
        if not answers or self._holder.stdout.readline().strip() != "ready":
            self.kill()
            raise RuntimeError(f"Wine did not start in {self.path}:\n{self.log()}")

    def run(self, arguments: Arguments, timeout: float = 30.0, input: str | bytes | None = None,
            env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end: an .exe of this machine, or a name that Wine knows (reg, sc, net). Raises
        subprocess.TimeoutExpired, with the output so far, after killing it. Exit codes arrive modulo 256."""
        self.start()
        command = ["wine", *_words(arguments)]
        speaks = re.split(r"[\\/]", command[1])[-1].lower() in SPEAK_WHEN_FAILING
        for _ in range(STARTS if speaks else 1):
            result = self._run(command, timeout, input, env)
            if result.returncode != 1 or result.stdout or result.stderr:
                break
        return result

    def _run(self, command: list[str], timeout: float, input: str | bytes | None,
             env: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            stdin.write(input.encode() if isinstance(input, str) else input or b"")
            stdin.seek(0)
            process = subprocess.Popen(command, env=self._env | dict(env or {}), stdin=stdin, stdout=stdout, stderr=stderr)

            def said(file) -> str:
                file.seek(0)
                return _text(file.read())

            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise subprocess.TimeoutExpired(command, timeout, said(stdout), said(stderr)) from None
            except BaseException:
                process.kill()
                raise
            return subprocess.CompletedProcess(command, code, said(stdout), said(stderr))

    def popen(self, arguments: Arguments, env: Mapping[str, str] | None = None, **options) -> subprocess.Popen[str]:
        """Starts a program and returns; text pipes for stdin and stdout, stderr with stdout. kill() ends it."""
        self.start()
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
        process = subprocess.Popen(["wine", *_words(arguments)], env=self._env | dict(env or {}), encoding="utf-8",
                                   errors="replace", **options)
        self._children.append(process)
        return process

    def server(self) -> int:
        """The process id of this machine's wineserver, which holds what Windows' kernel would hold."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                status = self.path.stat()
                if os.readlink(f"/proc/{pid}/cwd").endswith(f"/server-{status.st_dev:x}-{status.st_ino:x}"):
                    return int(pid)
        raise ProcessLookupError(f"no wineserver of {self.path}")

    def kill(self) -> None:
        """Switches the machine off: every process of this prefix ends, those of others go on. It can be started again."""
        if self.path.exists():
            switch_off(self.path)
        for process in [*self._children, *filter(None, [self._holder])]:
            process.kill()
            process.wait()
            for pipe in filter(None, [process.stdin, process.stdout]):
                with contextlib.suppress(OSError):
                    pipe.close()
        self._children.clear()
        self._holder = None

    def reg_add(self, key: str, name: str, type: str, data: str | int) -> None:
        """Writes a value by Wine's own reg. REG_MULTI_SZ takes its strings separated by \\0 (backslash, zero)."""
        self._reg("add", key, "/v", name, "/t", type, "/d", str(data), "/f")

    def reg_delete(self, key: str, name: str | None = None) -> None:
        """Deletes a value, or without a name the key and all below it."""
        self._reg("delete", key, *(["/v", name] if name is not None else []), "/f")

    def reg_query(self, key: str, name: str | None = None) -> str:
        """What reg says about a key or value; an empty string when there is none."""
        result = self.run(["reg", "query", key, *(["/v", name] if name is not None else [])])
        return result.stdout if result.returncode == 0 else ""

    def reg_import_raw(self, key: str, name: str, type_number: int, data: bytes) -> None:
        """Writes a value of any type and size, also a wrong one: (4, bytes(8)) is an 8-byte REG_DWORD."""
        hexadecimal = ",".join(f"{byte:02x}" for byte in data)
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        self.reg_import(f'[{_long(key)}]\r\n"{escaped}"=hex({type_number:x}):{hexadecimal}\r\n')

    def reg_import(self, text: str) -> None:
        """Imports the text of a .reg file (without its first line); one call writes any number of values."""
        with tempfile.NamedTemporaryFile(suffix=".reg") as file:
            file.write(("\ufeffWindows Registry Editor Version 5.00\r\n\r\n" + text).encode("utf-16-le"))
            file.flush()
            self._reg("import", windows_path(file.name))

    def _reg(self, *arguments: str) -> None:
        result = self.run(["reg", *arguments])
        if result.returncode != 0:
            raise RuntimeError(f"reg {' '.join(arguments)}: {result.stdout}{result.stderr}")


def _words(arguments: Arguments) -> list[str]:
    return [str(arguments)] if isinstance(arguments, (str, Path)) else [str(word) for word in arguments]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _long(key: str) -> str:
    """A .reg file knows HKEY_LOCAL_MACHINE, not HKLM."""
    root, _, rest = key.partition("\\")
    roots = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKU": "HKEY_USERS", "HKCR": "HKEY_CLASSES_ROOT"}
    return roots.get(root.upper(), root) + "\\" + rest
