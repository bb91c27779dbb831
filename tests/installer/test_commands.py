"""The command lines that the package's properties become: quoting, for which Python's own rules are the measure."""

from __future__ import annotations

import ctypes
import random
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIZE = 4096


class Text(ctypes.Structure):
    """struct text of service/core/text.h"""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("length", ctypes.c_size_t),
                ("cut", ctypes.c_bool)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("native") / "commands.so"
    sources = [ROOT / "installer" / "commands.c", *(ROOT / "service" / "core").glob("*.c")]
    subprocess.run(["gcc", "-std=c11", "-shared", "-fPIC", "-o", path, *sources], check=True)
    return ctypes.CDLL(str(path))


def quoted(library: ctypes.CDLL, arguments: list[str]) -> str:
    buffer = ctypes.create_string_buffer(SIZE)
    text = Text()
    library.text_begin(ctypes.byref(text), buffer, ctypes.c_size_t(SIZE))
    for argument in arguments:
        library.commands_add_argument(ctypes.byref(text), argument.encode())
    return buffer.value.decode()


def test_arguments_are_quoted_as_windows_takes_them_apart(library: ctypes.CDLL) -> None:
    """list2cmdline quotes only what holds a space, so that each of these does."""
    chance = random.Random(1)
    for _ in range(2000):
        halves = ["".join(chance.choices('ab"\\', k=chance.randrange(8))) for _ in range(6)]
        arguments = [" ".join(halves[i:i + 2]) for i in (0, 2, 4)]
        assert quoted(library, arguments) == subprocess.list2cmdline(arguments)


def test_plain_and_empty_arguments_are_quoted_too(library: ctypes.CDLL) -> None:
    assert quoted(library, ["add", "", "a.example"]) == '"add" "" "a.example"'
