"""The MSI package on a Windows machine of its own: installed, configured, upgraded, repaired, refused and removed."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.scripted import ScriptedServer
from lab.wine import WinePrefix, windows_path
from wine.machine import helper

ROOT = Path(__file__).resolve().parents[2]
BUILD_MSI = ROOT / "installer" / "build-msi"
VERSION = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
MSI = ROOT / "build" / f"etrnsvc-{VERSION}-x64.msi"

FOLDER = r"C:\Program Files\EtrnSvc"
SERVICE = r"HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc"
PARAMETERS = SERVICE + r"\Parameters"
EVENT_SOURCE = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\EtrnSvc"
UNINSTALL = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"

SUCCESS = 0
REFUSED = 1603 % 256  # ERROR_INSTALL_FAILURE, as much of it as Wine hands on
PROGRAMS = ("etrnsvc.exe", "etrnctl.exe")


def with_version(program: bytes, version: str) -> bytes:
    """The program with another version in its VS_FIXEDFILEINFO."""
    patched = bytearray(program)
    major, minor, patch = map(int, version.split("."))
    struct.pack_into("<HHHH", patched, patched.index(b"\xbd\x04\xef\xfe") + 8, minor, major, 0, patch)
    return bytes(patched)


class Package:
    """An MSI package, and the files that it holds."""

    def __init__(self, msi: Path, unpacked: Path) -> None:
        self.msi = msi
        subprocess.run(["msiextract", "-C", unpacked, msi], stdout=subprocess.DEVNULL, check=True)
        self.files = {file.name: file for file in unpacked.rglob("*") if file.is_file()}
        self.product_code = dict(self.table("Property"))["ProductCode"]

    def table(self, name: str) -> list[list[str]]:
        """The rows of one table."""
        text = subprocess.run(["msiinfo", "export", self.msi, name], capture_output=True, text=True, check=True).stdout
        return [line.split("\t") for line in text.splitlines()[3:]]

    def rebuilt(self, folder: Path, version: str, tool: Path | None = None) -> Package:
        """The package as it would be for another version, or with another etrnctl.exe."""
        folder.mkdir()
        with open(folder / "action.dll", "wb") as library:
            subprocess.run(["msiinfo", "extract", self.msi, "Binary.action"], stdout=library, check=True)
        for name in PROGRAMS:
            (folder / name).write_bytes(with_version(self.files[name].read_bytes(), version))
        if tool:
            shutil.copy(tool, folder / "etrnctl.exe")
        msi = folder / "package.msi"
        subprocess.run([BUILD_MSI, version, msi], check=True)
        return Package(msi, folder / "unpacked")


@dataclass
class Outcome:
    code: int
    log: str  # what /l*v wrote


class Windows:
    """A machine on which packages are installed, and what there is to see of them."""

    def __init__(self, path: Path) -> None:
        self.prefix = WinePrefix(path)
        self.folder = self.prefix.drive_c / "Program Files" / "EtrnSvc"
        self.data = self.prefix.program_data / "EtrnSvc"
        self.installed: Package | None = None

    def msiexec(self, *words: str | Path) -> Outcome:
        log = self.prefix.path / "msiexec.log"
        log.unlink(missing_ok=True)
        said = [windows_path(word) if isinstance(word, Path) else word for word in words]
        result = self.prefix.run(["msiexec", *said, "/qn", "/l*v", windows_path(log)], timeout=60)
        return Outcome(result.returncode, log.read_text(errors="replace") if log.exists() else "")

    def install(self, package: Package, *properties: str) -> None:
        outcome = self.msiexec("/i", package.msi, *properties)
        assert outcome.code == SUCCESS, outcome.log
        self.installed = package

    def refuses(self, package: Package, *properties: str) -> str:
        """Tries to install what cannot be; returns the log."""
        outcome = self.msiexec("/i", package.msi, *properties)
        assert outcome.code == REFUSED, outcome.log
        return outcome.log

    def uninstall(self) -> None:
        assert self.installed
        outcome = self.msiexec("/x", self.installed.product_code)
        assert outcome.code == SUCCESS, outcome.log
        self.installed = None

    def run(self, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return self.prefix.run([program, *words])

    def running(self) -> bool:
        return "RUNNING" in self.prefix.run(["sc", "query", "EtrnSvc"]).stdout

    def holds(self, package: Package, folder: Path | None = None) -> bool:
        """Whether the programs are the package's own."""
        place = folder or self.folder
        return all((place / name).read_bytes() == package.files[name].read_bytes() for name in PROGRAMS)

    def keys(self, key: str) -> str:
        """A key with all below it, as text; empty when there is none."""
        result = self.prefix.run(["reg", "query", key, "/s"])
        return result.stdout if result.returncode == 0 else ""

    def remains(self) -> list[str]:
        """All that can be seen of a product in the registry and on disk."""
        software = self.prefix.reg_query(r"HKLM\SOFTWARE")
        keys = self.keys(SERVICE.rpartition("\\")[0]) + self.keys(UNINSTALL) + software
        lines = [line for line in keys.splitlines() if "EtrnSvc" in line]
        return lines + [str(path) for path in (self.folder, self.data) if path.exists()]


def value(keys: str, name: str) -> str | None:
    """A value's data as reg shows it, from the text of keys()."""
    found = re.search(rf"^ +{name} +REG_\w+ +(.*)$", keys, re.MULTILINE)
    return found[1] if found else None


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The one that was built; a copy, since `make` may be at work."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copy(MSI, folder)
    return Package(folder / MSI.name, folder / "unpacked")


@pytest.fixture(scope="module")
def older(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package.rebuilt(tmp_path_factory.mktemp("older") / "package", "0.0.1")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    each = Windows(tmp_path_factory.mktemp("windows") / "prefix")
    each.prefix.reg_add(r"HKLM\SOFTWARE\Policies\EtrnSvc", "LocalPort", "REG_DWORD", "0")  # there is no mail server here
    yield each
    each.prefix.kill()


@pytest.fixture
def windows(machine: Windows) -> Iterator[Windows]:
    """The machine with nothing installed. After each test, refused installations included, nothing may be left."""
    yield machine
    if machine.installed:
        machine.uninstall()
    assert machine.remains() == []


# Installation


@pytest.mark.fault("15.1")
@pytest.mark.fault("15.5")
@pytest.mark.fault("15.8")
def test_install_starts_the_service_and_uninstall_leaves_nothing(windows: Windows, package: Package) -> None:
    windows.install(package)
    assert windows.running()
    assert sorted(file.name for file in windows.folder.iterdir()) == ["LICENSE", "etrnctl.exe", "etrnsvc.exe"]
    entry = windows.keys(SERVICE)
    assert value(entry, "DisplayName") == "ETRN Mail Dequeue Service"
    assert value(entry, "ObjectName") == r"NT AUTHORITY\LocalService"
    assert value(entry, "Start") == "0x2"
    assert value(entry, "ImagePath") == rf'"{FOLDER}\etrnsvc.exe"'
    assert "Parameters" not in entry
    windows.run(package.files["etrnctl.exe"], "add", "h.example", "a.example")
    (windows.data / "logs").mkdir()
    (windows.data / "logs" / "old.log").write_text("")
    windows.uninstall()
    assert windows.remains() == []
    assert windows.prefix.run(["sc", "query", "EtrnSvc"]).returncode != 0


@pytest.mark.fault("15.1")
def test_entries_are_those_that_etrnctl_makes(windows: Windows, package: Package) -> None:
    windows.install(package)
    by_package = windows.keys(SERVICE) + windows.keys(EVENT_SOURCE)
    windows.uninstall()
    windows.folder.mkdir()
    for name in PROGRAMS:
        shutil.copy(package.files[name], windows.folder)
    windows.run(windows.folder / "etrnctl.exe", "service", "install")
    by_tool = windows.keys(SERVICE) + windows.keys(EVENT_SOURCE)
    windows.run(windows.folder / "etrnctl.exe", "service", "uninstall")
    shutil.rmtree(windows.folder)
    assert by_package == by_tool.replace(windows_path(windows.folder), FOLDER)


@pytest.mark.fault("15.1")
def test_properties_configure_and_the_host_is_asked(windows: Windows, package: Package) -> None:
    with ScriptedServer() as holder:
        host = [f"ETRNHOST=127.0.0.1:{holder.port}", "ETRNDOMAINS=a.example, @b.example,#queue"]
        windows.install(package, "ENABLE=1", *host, "INTERVAL=30")
        holder.wait_for(3)
        assert sorted(holder.etrns()) == ["#queue", "@b.example", "a.example"]
    parameters = windows.keys(PARAMETERS)
    assert value(parameters, "AlwaysUseETRN") == "0x1"
    assert value(parameters, "IntervalMinutes") == "0x1e"
    assert value(parameters, "Domains") == r"a.example\0@b.example\0#queue"
    assert value(parameters, "Port") == hex(holder.port)


@pytest.mark.fault("15.1")
def test_enable_0_asks_nothing(windows: Windows, package: Package) -> None:
    with ScriptedServer() as holder:
        windows.install(package, "ENABLE=0", f"ETRNHOST=127.0.0.1:{holder.port}", "ETRNDOMAINS=a.example")
        assert windows.running()
        assert value(windows.keys(PARAMETERS), "AlwaysUseETRN") == "0x0"
        with pytest.raises(TimeoutError):
            holder.wait_for(lambda server: bool(server.sessions), timeout=0.5)


def test_enable_needs_no_host_and_an_empty_property_is_none(windows: Windows, package: Package) -> None:
    windows.install(package, "ENABLE=1", "ETRNHOST=")
    assert re.findall(r"^    (\w+)", windows.keys(PARAMETERS), re.MULTILINE) == ["AlwaysUseETRN"]


def test_words_are_passed_on_unchanged(windows: Windows, package: Package) -> None:
    queues = ["#a\\b", "#%PATH%", "#[ETRNHOST]", "#&|<>^", "#c\\"]
    windows.install(package, "ETRNHOST=h.example", "ETRNDOMAINS=" + ",".join(queues))
    assert value(windows.keys(PARAMETERS), "Domains") == r"\0".join(queues)


# Refusal


@pytest.mark.parametrize("properties, words", [
    (["ENABLE=2"], ["config", "set", "AlwaysUseETRN", "2"]),
    (["INTERVAL=0"], ["config", "set", "IntervalMinutes", "0"]),
    (["INTERVAL=abc"], ["config", "set", "IntervalMinutes", "abc"]),
    (["ETRNHOST=a b", "ETRNDOMAINS=a.example"], ["add", "a b", "a.example"]),
    (["ETRNHOST=h.example", "ETRNDOMAINS=a..b"], ["add", "h.example", "a..b"]),
    (["ETRNHOST=h.example", "ETRNDOMAINS=a.example,"], ["add", "h.example", "a.example", ""]),
], ids=lambda words: " ".join(words) if "=" in words[0] else "")
@pytest.mark.fault("15.6")
def test_bad_property_is_refused_in_the_words_of_etrnctl(windows: Windows, package: Package, properties: list[str],
                                                         words: list[str]) -> None:
    tool = windows.run(package.files["etrnctl.exe"], *words)
    assert tool.returncode != 0
    sentence = re.sub(r"^etrnctl: (\w+: )?", "", tool.stderr.splitlines()[0])
    assert sentence in windows.refuses(package, "ENABLE=1", *properties)


@pytest.mark.parametrize("given, missing", [
    ("ETRNHOST=h.example", "ETRNDOMAINS"),
    ("ETRNDOMAINS=a.example", "ETRNHOST"),
])
@pytest.mark.fault("15.6")
def test_host_and_domains_come_together(windows: Windows, package: Package, given: str, missing: str) -> None:
    assert f"{missing} is missing: a host and at least one domain are required" in windows.refuses(package, given)


@pytest.mark.parametrize("properties", [
    ["ETRNHOST=h.example", "ETRNDOMAINS=a.example,--force"],
    ["ETRNHOST=--tls=none", "ETRNDOMAINS=h.example,a.example"],
    ["ETRNHOST=/?", "ETRNDOMAINS=a.example"],
], ids=" ".join)
def test_no_option_of_etrnctl_comes_in_through_a_property(windows: Windows, package: Package,
                                                          properties: list[str]) -> None:
    windows.refuses(package, *properties)


@pytest.mark.fault("15.6")
def test_failing_etrnctl_fails_the_installation_which_is_rolled_back(windows: Windows, package: Package,
                                                                     tmp_path: Path) -> None:
    broken = package.rebuilt(tmp_path / "broken", "1.2.3", tool=helper("failing_tool"))
    assert "out of order" in windows.refuses(broken, "ENABLE=1")


def test_rollback_leaves_the_data_that_was_there_before(windows: Windows, package: Package, tmp_path: Path) -> None:
    """That of a copy without the MSI, its backups included."""
    backup = windows.data / "backup" / "before.reg"
    backup.parent.mkdir(parents=True)
    backup.write_text("kept")
    broken = package.rebuilt(tmp_path / "broken", "1.2.3", tool=helper("failing_tool"))
    try:
        windows.refuses(broken, "ENABLE=1")
        assert backup.read_text() == "kept"
    finally:
        shutil.rmtree(windows.data, ignore_errors=True)


def test_entry_that_etrnctl_cannot_complete_is_only_logged(windows: Windows, package: Package, tmp_path: Path) -> None:
    broken = package.rebuilt(tmp_path / "broken", "1.2.3", tool=helper("failing_tool"))
    outcome = windows.msiexec("/i", broken.msi)
    windows.installed = broken
    assert outcome.code == SUCCESS and "out of order" in outcome.log
    assert windows.running()


@pytest.mark.fault("15.6")
def test_windows_before_8_is_refused(windows: Windows, package: Package, tmp_path: Path) -> None:
    """Wine says it is Windows 7; the package then looks for a file that came with Windows 8."""
    strict = tmp_path / "strict.msi"
    shutil.copy(package.msi, strict)
    statement = "UPDATE `Signature` SET `FileName` = 'absent.dll' WHERE `FileName` = 'combase.dll'"
    subprocess.run(["msibuild", strict, "-q", statement], check=True)
    windows.refuses(Package(strict, tmp_path / "unpacked"))


# Upgrade, repair, downgrade


def administer(windows: Windows, package: Package) -> str:
    """Sets what an administrator may have set, by the tool and by hand; returns all that is in Parameters."""
    windows.run(package.files["etrnctl.exe"], "config", "set", "RetrySeconds", "77")
    windows.run(package.files["etrnctl.exe"], "add", "kept.example", "a.example")
    windows.prefix.reg_add(PARAMETERS, "MadeByHand", "REG_SZ", "kept")
    parameters = windows.keys(PARAMETERS)
    assert "0x4d" in parameters and "kept.example" in parameters and "MadeByHand" in parameters
    return parameters


@pytest.mark.fault("15.2")
@pytest.mark.fault("15.7")
def test_upgrade_replaces_the_programs_and_keeps_the_settings(windows: Windows, package: Package,
                                                              older: Package) -> None:
    windows.install(older, "INTERVAL=45")
    assert windows.holds(older)
    before = administer(windows, package)
    windows.install(package)
    assert windows.holds(package)
    assert windows.running()
    assert windows.keys(PARAMETERS) == before
    assert (windows.data / "status.json").exists()
    assert value(windows.keys(SERVICE), "ImagePath") == rf'"{FOLDER}\etrnsvc.exe"'
    assert windows.keys(EVENT_SOURCE) != ""
    assert older.product_code not in windows.keys(UNINSTALL)


@pytest.mark.fault("15.2")
@pytest.mark.fault("15.6")
def test_upgrade_with_properties_applies_them_or_changes_nothing(windows: Windows, package: Package,
                                                                 older: Package) -> None:
    windows.install(older, "INTERVAL=45")
    before = administer(windows, package)
    windows.refuses(package, "INTERVAL=50", "ENABLE=2")
    assert windows.keys(PARAMETERS) == before
    assert windows.holds(older)
    assert windows.running()
    windows.install(package, "INTERVAL=50", "ETRNHOST=kept.example", "ETRNDOMAINS=b.example")
    after = windows.keys(PARAMETERS)
    assert value(after, "IntervalMinutes") == "0x32"
    assert value(after, "RetrySeconds") == "0x4d"
    assert value(after, "Domains") == r"a.example\0b.example"


@pytest.mark.fault("15.2")
def test_upgrade_stays_in_the_folder_that_was_chosen(windows: Windows, package: Package, older: Package) -> None:
    chosen = windows.prefix.drive_c / "Mail" / "Etrn"
    windows.install(older, r"INSTALLFOLDER=C:\Mail\Etrn")
    windows.install(package, "ENABLE=1")
    assert windows.holds(package, chosen)
    assert not windows.folder.exists()
    assert value(windows.keys(SERVICE), "ImagePath") == r'"C:\Mail\Etrn\etrnsvc.exe"'
    windows.uninstall()
    assert not chosen.exists()


@pytest.mark.fault("15.3")
@pytest.mark.fault("15.7")
def test_repair_brings_back_what_is_missing_and_keeps_the_settings(windows: Windows, package: Package) -> None:
    windows.install(package, "INTERVAL=45")
    before = administer(windows, package)
    (windows.folder / "etrnctl.exe").unlink()
    windows.prefix.reg_delete(EVENT_SOURCE)
    assert windows.msiexec("/i", package.product_code, "REINSTALL=ALL", "REINSTALLMODE=omus").code == SUCCESS
    assert windows.holds(package)
    assert value(windows.keys(EVENT_SOURCE), "TypesSupported") == "0x7"
    assert windows.running()
    assert windows.keys(PARAMETERS) == before


@pytest.mark.fault("15.4")
def test_downgrade_is_refused_and_changes_nothing(windows: Windows, package: Package, older: Package) -> None:
    windows.install(package, "INTERVAL=45")
    before = windows.keys(SERVICE)
    windows.refuses(older)
    assert windows.keys(SERVICE) == before
    assert windows.holds(package)
    assert windows.running()


# What Wine does not show: the tables themselves, and how they are made


def test_tables_say_what_wine_ignores(package: Package) -> None:
    files = {row[0]: row[4:6] for row in package.table("File")}
    assert files["etrnsvc.exe"] == files["etrnctl.exe"] == [f"{VERSION}.0", "1033"]
    assert with_version(package.files["etrnsvc.exe"].read_bytes(), VERSION) == package.files["etrnsvc.exe"].read_bytes()
    assert [row[0] for row in package.table("MsiFileHash")] == ["LICENSE"]
    assert {row[3] for row in package.table("Component")} == {"256"}  # 64-bit
    configured = {(row[1], row[2], row[3], row[4]) for row in package.table("MsiServiceConfig")}
    assert configured == {("EtrnSvc", "5", "3", "1"), ("EtrnSvc", "5", "5", "1"),
                          ("EtrnSvc", "5", "6", "SeChangeNotifyPrivilege")}
    conditions = dict(package.table("LaunchCondition"))
    assert "newer" in conditions["NOT NEWERFOUND"]
    assert not [row for row in package.table("Registry") if "Parameters" in row[2]]


def test_steps_come_in_the_order_that_keeps_settings(package: Package) -> None:
    sequence = {row[0]: int(row[2]) for row in package.table("InstallExecuteSequence")}
    order = ["FindRelatedProducts", "AppSearch", "LaunchConditions", "CheckProperties", "InstallInitialize",
             "StopServices", "WaitForEnd", "RemoveFiles", "InstallFiles", "InstallServices", "MsiConfigureServices",
             "UndoData", "Configure", "StartServices", "RemoveData", "InstallFinalize", "RemoveExistingProducts"]
    assert sorted(order, key=sequence.__getitem__) == order


def test_same_files_make_the_same_package(package: Package, tmp_path: Path) -> None:
    first = package.rebuilt(tmp_path / "first", "1.2.3")
    second = package.rebuilt(tmp_path / "second", "1.2.3")
    assert first.msi.read_bytes() == second.msi.read_bytes()
    third = package.rebuilt(tmp_path / "third", "1.2.4")
    revisions = [dict(each.table("_SummaryInformation"))["9"] for each in (first, third)]
    assert revisions[0] != revisions[1] and first.product_code != third.product_code


@pytest.mark.parametrize("file, before, after", [
    ("etrnsvc.wxs", 'Account="NT', 'Acount="NT'),
    ("tables.sql", "INSERT INTO `AppSearch`", "INSERT INTO `AppSeek`"),
], ids=["wixl", "msibuild"])
def test_complaint_of_a_tool_fails_the_build(package: Package, tmp_path: Path, file: str, before: str,
                                             after: str) -> None:
    sources = tmp_path / "installer"
    shutil.copytree(BUILD_MSI.parent, sources)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    folder = package.rebuilt(tmp_path / "package", "1.2.3").msi.parent
    (sources / file).write_text((sources / file).read_text().replace(before, after))
    built = subprocess.run([sources / "build-msi", "1.2.3", folder / "bad.msi"], capture_output=True, text=True)
    assert built.returncode != 0 and built.stderr
    assert not (folder / "bad.msi").exists()
