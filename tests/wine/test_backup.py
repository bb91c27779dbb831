"""etrnctl backup and restore: .reg files as Windows' own tools read and write them, and the backup before each change."""

from __future__ import annotations

from pathlib import Path

import pytest

from .machine import PARAMETERS, Machine, Raw, Serve, Values, host_at, reg_text

DONE, NOT_FOUND, INVALID = 0, 3, 7
KEY = PARAMETERS.replace("HKLM", "HKEY_LOCAL_MACHINE", 1)
EXCHANGE = r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIMC"
HEAD = "Windows Registry Editor Version 5.00\r\n\r\n"

VALUES: Values = {"AlwaysUseETRN": 1, "IntervalMinutes": 30, "MinimumGapSeconds": 0}
HOSTS: dict[str, Values] = {
    "mail.isp.example": {
        "Domains": ["a.example", "b\xfccher.example"],
        "HeloName": 'C:\\ "quoted" b\xfccher \U0001f4ec',
        "Odd": Raw(3, bytes(range(40))),
        "Long": Raw(11, bytes([1, 0, 0, 0, 0, 0, 0, 0x80])),
        "Nothing": Raw(0, b""),
        "Short": Raw(4, b"\1"),
    },
    "b\xfccher [1]": {"Port": 2525},
}

SAVED = rf"""Windows Registry Editor Version 5.00

[-{KEY}]

[{KEY}]
"AlwaysUseETRN"=dword:00000001
"IntervalMinutes"=dword:0000001e
"LocalPort"=dword:00000000
"MinimumGapSeconds"=dword:00000000

[{KEY}\Hosts]

[{KEY}\Hosts\bücher [1]]
"Port"=dword:000009dd

[{KEY}\Hosts\mail.isp.example]
"Domains"=hex(7):61,00,2e,00,65,00,78,00,61,00,6d,00,70,00,6c,00,65,00,00,00,\
  62,00,fc,00,63,00,68,00,65,00,72,00,2e,00,65,00,78,00,61,00,6d,00,70,00,6c,\
  00,65,00,00,00,00,00
"HeloName"="C:\\ \"quoted\" bücher 📬"
"Long"=hex(b):01,00,00,00,00,00,00,80
"Nothing"=hex(0):
"Odd"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\
  17,18,19,1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27
"Short"=hex(4):01

"""


def key(machine: Machine) -> str:
    """Returns the contents of the key, as Windows' own reg shows them."""
    return machine.run("reg", "query", PARAMETERS, "/s").out


def restore(machine: Machine, data: bytes) -> int:
    (machine.prefix.drive_c / "given.reg").write_bytes(data)
    return machine.ctl("restore", r"C:\given.reg").code


@pytest.fixture
def saved(machine: Machine) -> Path:
    """A backup of VALUES and HOSTS."""
    machine.fresh(VALUES, HOSTS, start=False)
    assert machine.ctl("backup", r"C:\saved.reg").code == DONE
    return machine.prefix.drive_c / "saved.reg"


def test_a_backup_octet_by_octet(saved: Path) -> None:
    found = saved.read_bytes()
    assert found[:2] == b"\xff\xfe"
    assert found[2:].decode("utf-16-le") == SAVED.replace("\n", "\r\n")


def test_windows_own_reg_brings_a_backup_back(machine: Machine, saved: Path) -> None:
    before = key(machine)
    machine.configure({"IntervalMinutes": 5, "New": 1}, {"new.example": {"Port": 1}})
    assert key(machine) != before
    assert machine.run("reg", "import", r"C:\saved.reg").code == 0
    assert key(machine) == before


def test_restore_brings_a_backup_back(machine: Machine, saved: Path) -> None:
    before = key(machine)
    machine.configure({"IntervalMinutes": 5, "New": 1}, {"new.example": {"Port": 1}})
    assert restore(machine, saved.read_bytes()) == DONE
    assert key(machine) == before
    machine.ctl("backup", r"C:\again.reg")
    assert (machine.prefix.drive_c / "again.reg").read_bytes() == saved.read_bytes()


def test_a_backup_leaves_all_other_files_alone(machine: Machine, saved: Path) -> None:
    other = saved.with_name("saved.reg.new")
    other.write_text("somebody's own")
    try:
        assert machine.ctl("backup", r"C:\saved.reg").code == DONE
        assert other.read_text() == "somebody's own"
        assert {path.name for path in saved.parent.glob("saved.reg*")} == {saved.name, other.name}
    finally:
        other.unlink(missing_ok=True)


def test_a_backup_of_no_key_and_of_another_service(machine: Machine) -> None:
    machine.fresh(start=False)
    machine.prefix.reg_add(EXCHANGE + r"\Enum", "Count", "REG_DWORD", 1)
    try:
        assert machine.ctl("backup", r"C:\none.reg", "--service", "MSExchangeIMC").code == DONE
        other = KEY.replace("EtrnSvc", "MSExchangeIMC")
        assert (machine.prefix.drive_c / "none.reg").read_text("utf-16") == f"{HEAD}[-{other}]\r\n\r\n".replace("\r\n", "\n")
        machine.ctl("enable", "--service", "MSExchangeIMC")
        assert "Parameters" in machine.prefix.reg_query(EXCHANGE)
        assert machine.ctl("restore", r"C:\none.reg").code == INVALID  # it is not EtrnSvc's
        assert machine.ctl("restore", r"C:\none.reg", "--service", "MSExchangeIMC").code == DONE
        assert "Parameters" not in machine.prefix.reg_query(EXCHANGE)
        assert "Count" in machine.prefix.reg_query(EXCHANGE + r"\Enum")
    finally:
        machine.prefix.reg_delete(EXCHANGE)


EXPORTS = {"reg export": ["reg", "export", KEY, r"C:\exported.reg", "/y"], "regedit": ["regedit", "/e", r"C:\exported.reg", KEY]}


@pytest.mark.parametrize("words", EXPORTS.values(), ids=EXPORTS)
def test_what_windows_own_tools_export_is_restored(machine: Machine, words: list[str]) -> None:
    machine.fresh(VALUES, HOSTS, start=False)
    machine.prefix.reg_add(PARAMETERS, "IntervalMinutes", "REG_DWORD", 55)
    machine.prefix.reg_add(PARAMETERS + r"\Hosts\by-reg", "Domains", "REG_MULTI_SZ", r"c.example\0d.example")
    machine.prefix.reg_add(PARAMETERS + r"\Hosts\by-reg", "Note", "REG_EXPAND_SZ", r"%TEMP%\x")
    before = key(machine)
    exported = machine.prefix.drive_c / "exported.reg"
    exported.unlink(missing_ok=True)
    assert machine.run(*words).code == 0
    machine.fresh(VALUES, start=False)
    assert restore(machine, exported.read_bytes()) == DONE
    assert key(machine) == before


DELETIONS = HEAD + rf'''; a comment
[{KEY}]
"IntervalMinutes"=-
"RetrySeconds"=-
@="the key's own value"
"TimeoutSeconds"=dword:78 ; in hexadecimal

[-{KEY}\Hosts\mail.isp.example]
[-{KEY}\Hosts\nobody]
[{KEY}\Hosts\bücher [1]]
"Domains"=hex(7):61,\
  00,00,00,\
  00,00
'''.replace("\n", "\r\n")


ENCODINGS = {
    "UTF-16": DELETIONS.encode("utf-16"),
    "UTF-8": DELETIONS.encode(),
    "UTF-8 with its mark": DELETIONS.encode("utf-8-sig"),
    "LF alone": DELETIONS.replace("\r\n", "\n").encode(),
    "without the last line end": DELETIONS.rstrip().encode(),
}


@pytest.mark.parametrize("data", ENCODINGS.values(), ids=ENCODINGS)
def test_a_file_written_by_hand(machine: Machine, data: bytes) -> None:
    machine.fresh(VALUES, HOSTS, start=False)
    assert restore(machine, data) == DONE
    values = machine.prefix.reg_query(PARAMETERS)
    assert "IntervalMinutes" not in values
    assert "TimeoutSeconds    REG_DWORD    0x78\n" in values and "the key's own value" in values
    assert machine.prefix.reg_query(PARAMETERS + r"\Hosts\mail.isp.example") == ""
    assert "REG_MULTI_SZ    a\n" in machine.prefix.reg_query(PARAMETERS + "\\Hosts\\b\xfccher [1]", "Domains")


FINE = reg_text(PARAMETERS, {"IntervalMinutes": 40})
REFUSED = {
    "an error in the last line": FINE + '"RetrySeconds"=dword:xyz',
    "a key outside": FINE + reg_text(r"HKLM\SOFTWARE\Other", {"a": 1}),
    "the service's own key": FINE + reg_text(PARAMETERS.removesuffix(r"\Parameters"), {"Start": 4}),
    "a key that only begins alike": FINE + reg_text(PARAMETERS + "2", {"a": 1}),
    "the deletion of another key": FINE + "[-HKEY_LOCAL_MACHINE\\SOFTWARE]\r\n",
    "another root": FINE + reg_text(PARAMETERS.replace("HKLM", "HKEY_CURRENT_USER"), {"a": 1}),
    "a short root": FINE + f"[{PARAMETERS}]\r\n",
}


def test_a_file_with_a_mistake_writes_nothing(machine: Machine) -> None:
    machine.fresh(VALUES, HOSTS, start=False)
    before = key(machine)
    for what, text in REFUSED.items():
        assert restore(machine, (HEAD + text).encode()) == INVALID, what
        assert key(machine) == before, what
    assert machine.backups() == []


def test_all_or_nothing_where_an_entry_fails(machine: Machine) -> None:
    machine.fresh(VALUES, HOSTS, start=False)
    before = key(machine)
    fails = reg_text(PARAMETERS, {"x" * 17000: 1})  # a name may have 16,383 characters
    gone = f"[-{KEY}\\Hosts\\mail.isp.example]\r\n\r\n"
    text = HEAD + FINE + gone + reg_text(PARAMETERS + r"\Hosts\new", {"Port": 1}) + fails + reg_text(PARAMETERS, {"Last": 1})
    (machine.prefix.drive_c / "middle.reg").write_bytes(text.encode())
    reply = machine.ctl("restore", r"C:\middle.reg")
    assert reply.code == INVALID
    assert reply.err.splitlines()[-1] == "Nothing was changed."
    assert rf"C:\middle.reg: {KEY}\xxx" in reply.err
    assert key(machine) == before


def test_the_running_service_follows_a_restored_key(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    machine.ctl("backup", r"C:\with-host.reg")
    machine.ctl("remove", "isp")
    machine.wait_told(lambda told: told["hosts"] == [])
    machine.ctl("restore", r"C:\with-host.reg")
    machine.wait_told(lambda told: [each["name"] for each in told["hosts"]] == ["isp"])


# By itself


CHANGES = [["disable"], ["enable"], ["add", "isp", "a.example"], ["config", "set", "Port", "26", "--host", "isp"],
           ["config", "unset", "Port", "--host", "isp"], ["remove", "isp"], ["restore", r"C:\one.reg"]]


def test_each_change_saves_a_backup_that_can_be_restored(machine: Machine) -> None:
    machine.fresh(VALUES, HOSTS, start=False)
    machine.ctl("backup", r"C:\one.reg")
    before = []
    for count, words in enumerate(CHANGES, 1):
        before.append(key(machine))
        assert machine.ctl(*words).code == DONE, words
        assert key(machine) != before[-1] or words[0] == "restore"
        assert len(machine.backups()) == count, words
    files = machine.backups()
    assert all(file.name.endswith("-EtrnSvc.reg") for file in files)
    for file, then in list(zip(files, before))[::3]:
        assert machine.ctl("restore", rf"C:\ProgramData\EtrnSvc\backup\{file.name}").code == DONE
        assert key(machine) == then, file


def test_the_last_twenty_backups_are_kept(machine: Machine) -> None:
    machine.fresh({"IntervalMinutes": 100}, start=False)
    machine.ctl("config", "set", "IntervalMinutes", "1")
    [first] = machine.backups()
    for day in range(10, 30):  # of days gone by
        first.with_name(f"202511{day}-120000-EtrnSvc.reg").write_bytes(first.read_bytes())
    (machine.backup_folder / "mine.txt").write_text("not ours to delete")
    machine.ctl("config", "set", "IntervalMinutes", "2")
    names = [file.name for file in machine.backups()]
    assert len(names) == 20
    assert names[0] == "20251112-120000-EtrnSvc.reg" and first.name in names
    assert (machine.backup_folder / "mine.txt").exists()
    last = machine.backups()[-1]
    assert machine.ctl("restore", rf"C:\ProgramData\EtrnSvc\backup\{last.name}").code == DONE
    assert machine.ctl("config", "get", "IntervalMinutes").out == "1\n"


def test_two_backups_in_one_second_are_two(machine: Machine) -> None:
    machine.fresh(start=False)
    script = "".join(f'@"C:\\Program Files\\EtrnSvc\\etrnctl.exe" config set IntervalMinutes {n}\r\n' for n in range(1, 6))
    (machine.prefix.drive_c / "script.bat").write_text(script)
    machine.run("cmd", "/c", r"C:\script.bat")
    files = machine.backups()
    assert len(files) == 5
    assert ["IntervalMinutes" in file.read_text("utf-16") for file in files] == [False, True, True, True, True]
    assert len({file.read_bytes() for file in files}) == 5


def test_a_key_that_a_file_cannot_name_is_refused(machine: Machine, saved: Path) -> None:
    before = saved.read_bytes()
    machine.prefix.reg_add(PARAMETERS + "\\Hosts\\a\nb", "Port", "REG_DWORD", 25)
    reply = machine.ctl("backup", r"C:\saved.reg")
    assert (reply.code, saved.read_bytes()) == (INVALID, before)


@pytest.mark.parametrize("words", CHANGES[:1] + CHANGES[2:], ids=lambda words: words[0])
def test_no_change_without_its_backup(machine: Machine, words: list[str]) -> None:
    machine.fresh(VALUES, {"isp": {"Port": 1}}, start=False)
    machine.ctl("backup", r"C:\one.reg")
    machine.backup_folder.parent.mkdir(exist_ok=True)
    machine.backup_folder.write_text("a file where the folder should be")
    before = key(machine)
    reply = machine.ctl(*words)
    machine.backup_folder.unlink()
    assert reply.code not in (DONE, 2) and reply.out == ""
    assert reply.err.startswith("etrnctl: cannot save a backup of the settings: ")
    assert reply.err.endswith("\nNothing was changed.\n")
    assert key(machine) == before
