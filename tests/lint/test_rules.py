"""What tests/lint/rules.py refuses, and what it lets be."""

import pytest

from lint.rules import faults

REFUSED = [
    ("service/win/a.c", "int f(void)\n{\n    sprintf(a, b);\n}\n", 3, "sprintf"),
    ("service/core/a.c", "x = atoi (s);", 1, "atoi"),
    ("regtool/a.c", "/* one\n * two */ strncpy(a, b, c);", 2, "strncpy"),
    ("regtool/a.c", 'char *s = "\\"//"; wcscpy(a, b);', 1, "wcscpy"),
    ("regtool/a.c", "char c = '\"'; system(a);", 1, "system"),
    ("tests/unit/a.c", "strtok(a, b);", 1, "strtok"),
    ("service/a.c", 'LoadLibraryW(L"a.dll");', 1, "LoadLibraryW"),
    ("service/a.c", 'LoadLibraryExW(L"a.dll", NULL, 0);\nint a = LOAD_LIBRARY_SEARCH_SYSTEM32;', 1, "SEARCH_SYSTEM32"),
    ("service/core/a.c", '#include "text.h"\n#include "../win/win.h"\n', 2, "../win/win.h"),
    ("service/core/a.c", "#include <windows.h>\n", 1, "windows.h"),
    ("service/core/a.c", "  #  include <unistd.h>\n", 1, "unistd.h"),
    ("service/core/a.c", "#ifdef _WIN32\n#endif\n", 1, "_WIN32"),
    ("service/core/a.c", '#include "messages.h"\n', 1, "messages.h"),
    ("service/win/a.c", '#include "../engine.h"\n', 1, "../engine.h"),
    ("service/a.c", '#include "../regtool/command.h"\n', 1, "command.h"),
    ("regtool/a.c", '#include "../service/engine.h"\n', 1, "engine.h"),
    ("installer/a.c", '#include "../service/win/win.h"\n', 1, "win.h"),
]

LET_BE = [
    ("service/win/a.c", "/* sprintf(a) */ // strcpy(b)\nsnprintf(a, b, c);"),
    ("service/win/a.c", 'say("system(3) of the \\"atoi(x)\\"");'),
    ("service/win/a.c", "int system = 1; f(system);"),
    ("service/win/a.c", 'LoadLibraryExW(L"a.dll", (NULL), LOAD_LIBRARY_SEARCH_SYSTEM32);'),
    ("service/win/a.c", '#include "messages.h"\n#include "../core/text.h"\n#include "win.h"\n#include <windows.h>\n'),
    ("service/a.c", '#include "win/messages.h"\n#include "core/text.h"\n#include "job.h"\n'),
    ("regtool/a.c", '#include "../service/win/win.h"\n#include "command.h"\n'),
    ("service/core/a.c", '#include "text.h"\n#include <string.h>\nint WIN32_text;\n'),
]


@pytest.mark.parametrize("path, source, line, word", REFUSED)
def test_refused(path, source, line, word):
    (found, fault), = faults(path, source)
    assert found == line
    assert word in fault


@pytest.mark.parametrize("path, source", LET_BE)
def test_let_be(path, source):
    assert faults(path, source) == []
