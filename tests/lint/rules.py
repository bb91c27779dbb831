"""Refuses in C sources what no compiler does: functions that overrun or mislead, and includes against the layers.

Reads tokens, not text: what stands in a comment or a string is let be.

    rules.py FILE...    prints each fault as file:line, and returns 1 when there is one
"""

import os
import re
import sys

TOKEN = re.compile(r'(?P<skip>\s+|//[^\n]*|/\*.*?\*/|\\\n)|(?P<string>L?"(?:\\.|[^"\\\n])*"|L?\'(?:\\.|[^\'\\\n])*\')'
                   r"|(?P<word>\w+)|(?P<other>.)", re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)', re.M)

BOUNDED = "has no bound: snprintf, text_add or memcpy with a size"
UNENDED = "may leave no NUL, or pads with many: text_add, snprintf"
NUMBERS = "reports no error: a reader of its own, or strtol with all its checks"
STATIC = "keeps its state in one place for all"
SHELL = "goes by the shell, or searches the path: CreateProcess with a full path"
WINDOWS = "overruns or hides faults, says Microsoft's own list of banned functions"
BANNED = {
    **dict.fromkeys("sprintf vsprintf swprintf_s strcpy strcat stpcpy gets wcscpy wcscat _swprintf".split(), BOUNDED),
    **dict.fromkeys("strncpy strncat wcsncpy wcsncat stpncpy".split(), UNENDED),
    **dict.fromkeys("atoi atol atoll atof _wtoi _wtol _wtoi64 _wtof".split(), NUMBERS),
    **dict.fromkeys("scanf fscanf sscanf vscanf vfscanf vsscanf wscanf fwscanf swscanf".split(), NUMBERS),
    **dict.fromkeys("strtok wcstok gmtime localtime asctime ctime setlocale tmpnam rand srand".split(), STATIC),
    **dict.fromkeys("system popen _popen _wpopen _wsystem WinExec ShellExecute ShellExecuteA ShellExecuteW".split(), SHELL),
    **dict.fromkeys("wsprintf wsprintfA wsprintfW wvsprintf wvsprintfA wvsprintfW".split(), WINDOWS),
    **{f"lstr{name}{kind}": WINDOWS for name in ("cpy", "cpyn", "cat", "len") for kind in ("", "A", "W")},
    **dict.fromkeys("IsBadReadPtr IsBadWritePtr IsBadCodePtr IsBadStringPtr TerminateThread".split(), WINDOWS),
    **dict.fromkeys("alloca _alloca _malloca".split(), "takes from the stack what input may size"),
    **dict.fromkeys("LoadLibrary LoadLibraryA LoadLibraryW".split(),
                    "searches the folder of the program and the current one: LoadLibraryEx with LOAD_LIBRARY_SEARCH_SYSTEM32"),
}
LOADERS = {"LoadLibraryEx", "LoadLibraryExA", "LoadLibraryExW"}

# What each layer's files may include of the project, and of the system. Arrows run one way: programs, win, core.
STANDARD = {"inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
LAYERS = {
    "service/core": ({"service/core"}, STANDARD),
    "service/win": ({"service/core", "service/win"}, None),
    "service": ({"service/core", "service/win", "service"}, None),
    "regtool": ({"service/core", "service/win", "regtool"}, None),
    "installer": ({"service/core", "installer"}, None),
}
GENERATED = {"messages.h": "service/win"}
SYSTEMS = {"_WIN32", "_WIN64", "WIN32", "__linux__", "__unix__"}


def tokens(source):
    """(line, token) of each word and sign; of a string its quotation marks alone."""
    line = 1
    for match in TOKEN.finditer(source):
        if match["string"]:
            yield line, '""'
        elif not match["skip"]:
            yield line, match[0]
        line += match[0].count("\n")


def arguments(words, at):
    """The tokens between the brackets that open at `at`."""
    depth = 0
    for position in range(at, len(words)):
        depth += {"(": 1, ")": -1}.get(words[position][1], 0)
        if depth == 0:
            return [word for _, word in words[at + 1:position]]
    return []


def calls(source):
    words = list(tokens(source))
    for at, (line, word) in enumerate(words[:-1]):
        if words[at + 1][1] != "(":
            continue
        if word in BANNED:
            yield line, f"{word} {BANNED[word]}"
        if word in LOADERS and "LOAD_LIBRARY_SEARCH_SYSTEM32" not in arguments(words, at + 1):
            yield line, f"{word} without LOAD_LIBRARY_SEARCH_SYSTEM32 takes a DLL from wherever one lies"


def includes(path, source):
    folder = os.path.dirname(path)
    if folder not in LAYERS:
        return
    own, system = LAYERS[folder]
    for match in INCLUDE.finditer(source):
        name = match[2]
        if match[1] == "<":
            wrong = system is not None and name not in system
        else:
            place = os.path.dirname(os.path.normpath(os.path.join(folder, name)))
            wrong = GENERATED.get(name, place) not in own
        if wrong:
            yield source.count("\n", 0, match.start()) + 1, f"{folder} knows nothing of {name}"
    if folder == "service/core":
        for line, word in tokens(source):
            if word in SYSTEMS:
                yield line, f"{folder} does not ask for {word}: it is the same on every system"


def faults(path, source):
    return sorted([*calls(source), *includes(path, source)])


def main(paths):
    found = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line, fault in faults(os.path.normpath(path), file.read()):
                print(f"{path}:{line}: {fault}", file=sys.stderr)
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
