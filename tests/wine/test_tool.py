"""etrnctl: what each command changes and returns. Its output is tested in test_golden.py."""

from __future__ import annotations

import json
import re
import signal
import threading
from datetime import datetime, timezone

import pytest

from lab.scripted import Script, Silence, free_port

from .machine import PARAMETERS, TOOL_EXE, Machine, Raw, Serve, Value, host_at, outcomes

DONE, REFUSED, USAGE, NOT_FOUND, NETWORK, CANCELLED, INVALID = 0, 1, 2, 3, 4, 6, 7


def test_without_arguments_and_console_it_never_waits(machine: Machine) -> None:
    process = machine.ctl_popen()  # its standard input stays open
    assert process.wait(10) == USAGE


# enable, disable


WAS: dict[str, tuple[Value, str]] = {
    "REG_NONE": (Raw(0, b""), "REG_NONE of 0 bytes"),
    "REG_DWORD": (0, "0"),
    "REG_DWORD of 2": (2, "2"),
    "REG_DWORD of 8 bytes": (Raw(4, bytes([1, 0, 0, 0, 0, 0, 0, 0])), "REG_DWORD of 8 bytes"),
    "REG_SZ": ("1", 'REG_SZ "1"'),
    "REG_EXPAND_SZ": (Raw(2, "%ON%\0".encode("utf-16-le")), 'REG_EXPAND_SZ "%ON%"'),
    "REG_BINARY": (Raw(3, b"\1\0\0\0"), "REG_BINARY of 4 bytes"),
    "REG_MULTI_SZ": (["1"], "REG_MULTI_SZ of 6 bytes"),
    "REG_QWORD": (Raw(11, bytes([1, 0, 0, 0, 0, 0, 0, 0])), "REG_QWORD of 8 bytes"),
    "larger than anything": (Raw(3, bytes(70_000)), "a value of 70000 bytes"),
}


def test_enable_replaces_a_value_of_any_type_and_shows_the_old_one(machine: Machine) -> None:
    machine.fresh(start=False)
    for value, was in WAS.values():
        machine.configure({"AlwaysUseETRN": value})
        reply = machine.ctl("enable")
        assert (reply.code, reply.out, reply.err) == (DONE, f"EtrnSvc: AlwaysUseETRN was {was}, is now 1.\n", "")
        assert "REG_DWORD    0x1\n" in machine.prefix.reg_query(PARAMETERS, "AlwaysUseETRN")


# add, remove, config


def test_a_host_is_asked_from_when_it_is_added_until_it_is_removed(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh()
    machine.ctl("add", f"127.0.0.1:{server.port}", "a.example")
    server.wait_for(1)
    machine.ctl("add", "127.0.0.1", "A.EXAMPLE", "#c")  # the first is known
    told = machine.wait_told(lambda told: told["hosts"] and outcomes(told, "127.0.0.1").get("#c") == "started")
    assert outcomes(told, "127.0.0.1") == {"a.example": "started", "#c": "started"}
    machine.ctl("remove", "127.0.0.1")
    machine.wait_told(lambda told: told["hosts"] == [])


def test_add_with_options(machine: Machine) -> None:
    machine.fresh(start=False)
    reply = machine.ctl("add", "isp.example", "a.example", "--port", "2525", "--tls=require", "--helo", "mail.a.example",
                        "--interval", "45", "--force")
    assert reply.code == DONE
    settings = {each["name"]: each for each in config(machine, "list", "--host", "isp.example")["settings"]}
    given = {name: each["value"] for name, each in settings.items() if each["from"] == "Parameters"}
    assert given == {"Port": 2525, "Tls": "require", "HeloName": "mail.a.example", "IntervalMinutes": 45, "ForceETRN": 1,
                     "Domains": ["a.example"]}
    assert settings["EtrnsPerConnection"]["value"] == 7


def config(machine: Machine, *words: str) -> dict:
    reply = machine.ctl("config", *words, "--json")
    assert (reply.code, reply.err) == (DONE, "")
    return json.loads(reply.out)


def test_config_for_programs(machine: Machine) -> None:
    machine.fresh({"IntervalMinutes": 20}, {"isp": {"Domains": ["a.example", "@b.example"]}}, start=False,
                  policies={"MaxConnections": 9})
    listed = config(machine, "list")
    assert (listed["schema"], listed["host"]) == (1, None)
    settings = {each["name"]: each for each in listed["settings"]}
    assert set(settings["IntervalMinutes"]) == {"name", "value", "from", "type", "allowed", "default", "meaning"}
    assert {name: (each["value"], each["from"]) for name, each in settings.items()} == {
        "AlwaysUseETRN": (1, "Parameters"), "IntervalMinutes": (20, "Parameters"), "Schedule": ([], "default"),
        "RunAtStart": (1, "default"), "RunOnNetworkChange": (1, "default"), "LocalPort": (0, "Parameters"),
        "RetrySeconds": (60, "default"), "MinimumGapSeconds": (0, "Parameters"), "MaxConnections": (9, "policy"),
        "TimeoutSeconds": (300, "default"), "ConnectTimeoutSeconds": (30, "default"),
        "SessionTimeoutSeconds": (900, "default"), "ProtocolLog": (0, "default")}
    listed = config(machine, "list", "--host", "isp")
    assert listed["host"] == "isp"
    values = {each["name"]: each["value"] for each in listed["settings"]}
    assert (values["Domains"], values["HeloName"], values["Port"], values["Tls"]) == (["a.example", "@b.example"], None, 0, "may")
    [one] = config(machine, "get", "Domains", "--host", "isp")["settings"]
    assert one["value"] == ["a.example", "@b.example"]


# status


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")  # ISO 8601, UTC
STATUS = {"schema": int, "state": str, "enabled": bool, "enabled_by": str, "service": dict}
SERVICE = {"schema": int, "version": str, "process": int, "started": TIME, "written": TIME, "enabled": bool,
           "enabled_by": str, "paused": bool, "awaited_port": type(None), "sessions": int, "next": TIME, "problems": list, "hosts": list}
HOST = {"name": str, "host": str, "port": int, "enabled": bool, "asking": bool, "dequeues": int, "requests": int,
        "requests_answered": int, "trigger": str, "started": TIME, "ended": TIME, "next": TIME, "next_trigger": str, "nodes": list}
NODE = {"node": str, "outcome": str, "code": int, "text": str, "meaning": str, "advice": str, "channel": str,
        "channel_meaning": str, "messages": int, "output": type(None), "server": str, "at": TIME, "failing": bool, "since": TIME}
PROBLEM = {"key": str, "name": str, "problem": str}


def check_names(found: dict, expected: dict) -> None:
    """Checks that exactly these names exist, each with a value of its type."""
    assert list(found) == list(expected)
    for name, kind in expected.items():
        if isinstance(kind, re.Pattern):
            assert kind.fullmatch(found[name]), (name, found[name])
            then = datetime.fromisoformat(found[name].replace("Z", "+00:00"))
            assert abs((then - datetime.now(timezone.utc)).total_seconds()) < 3600, name
        else:
            assert type(found[name]) is kind, (name, found[name])


def test_status_for_programs(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": "459 a.example: service unavailable", "*": "250 Queuing started"}))
    machine.fresh({"RetrySeconds": 1}, {"isp": host_at(server, "a.example", "b.example")})
    machine.wait_dequeues(1)
    status = machine.status()
    check_names(status, STATUS)
    check_names(status["service"], SERVICE)
    [host] = status["service"]["hosts"]
    check_names(host, HOST)
    for node in host["nodes"]:
        check_names(node, NODE)
    [problem] = status["service"]["problems"]
    check_names(problem, PROBLEM)
    assert (status["schema"], status["state"], status["enabled"], status["enabled_by"]) == (1, "running", True, "Parameters")


def test_status_json_without_a_status_file(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, {"isp": host_at_rest()}, start=False)
    assert machine.status() == {"schema": 1, "state": "stopped", "enabled": False, "enabled_by": "Parameters", "service": None}
    machine.start()
    told = machine.wait_told(bool)
    [host] = told["hosts"]
    nothing = {"next": None, "next_trigger": None, "started": None, "ended": None, "trigger": None}
    assert {name: host[name] for name in nothing} == nothing
    assert (host["nodes"][0]["at"], host["nodes"][0]["code"], told["next"]) == (None, None, None)


def host_at_rest() -> dict[str, Value]:
    return {"Host": "127.0.0.1", "Domains": ["a.example"]}


def test_status_watched_by_a_program(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0})
    machine.wait_told(bool)
    watch = machine.ctl_popen("status", "--watch")
    assert watch.stdout

    try:
        assert any(line.startswith("ETRN:      disabled") for line in watch.stdout)
        machine.ctl("enable")
        assert any(line.startswith("ETRN:      enabled") for line in watch.stdout)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == DONE
    finally:
        watch.kill()


def test_status_watched_from_before_the_first_start(machine: Machine) -> None:
    machine.fresh(start=False)  # there is no folder of the service's
    watch = machine.ctl_popen("status", "--watch")
    late = threading.Timer(20, watch.kill)
    late.start()
    try:
        assert watch.stdout
        assert any(line.startswith("Service:   stopped") for line in watch.stdout)
        machine.start()
        assert any(line.startswith("Service:   running") for line in watch.stdout), "nothing new was shown"
    finally:
        late.cancel()
        watch.kill()


# run


def test_run_asks_the_hosts_it_is_given_and_no_other(machine: Machine, serve: Serve) -> None:
    one, other = serve(), serve()
    machine.fresh({"RunAtStart": 0}, {"one": host_at(one), "other": host_at(other)})
    assert machine.ctl("run", "OTHER").code == DONE
    assert (len(one.sessions), len(other.sessions)) == (0, 1)


def test_run_for_programs(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": "459 a.example: service unavailable", "*": "250 Queuing started"}))
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server, "a.example", "b.example")})
    reply = machine.ctl("run", "--json")
    assert (reply.code, reply.err) == (REFUSED, "")
    told = json.loads(reply.out)
    assert told["schema"] == 1
    refused, started = told["outcomes"]
    assert list(refused) == ["host", "node", "outcome", "code", "text", "meaning", "advice", "channel",
                             "channel_meaning", "output"]
    assert [refused[name] for name in ("host", "node", "outcome", "code", "text")] == [
        "isp", "a.example", "not-allowed", 459, "459 a.example: service unavailable"]
    assert [started[name] for name in ("node", "outcome", "code", "advice")] == ["b.example", "started", 250, ""]


def test_run_of_a_host_without_etrn_is_refused(machine: Machine, serve: Serve) -> None:
    server = serve(Script(ehlo="250 lab.example"))
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    reply = machine.ctl("run")
    assert "isp: a.example: The host does not offer ETRN." in reply.out
    assert reply.code == REFUSED


def test_run_just_after_start(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    reply = machine.ctl("run")
    assert reply.code == DONE, reply.err


@pytest.mark.parametrize("enabled, first, then", [(1, "add 127.0.0.1:{port} a.example", "run 127.0.0.1"), (0, "enable", "run")])
def test_run_just_after_a_change(machine: Machine, serve: Serve, enabled: int, first: str, then: str) -> None:
    server = serve()
    machine.fresh({"AlwaysUseETRN": enabled, "RunAtStart": 0}, {} if enabled else {"127.0.0.1": host_at(server)})
    lines = [f'@"{TOOL_EXE}" {words.format(port=server.port)}\r\n' for words in (first, then)]
    (machine.prefix.drive_c / "script.bat").write_text("".join(lines))  # one right after the other, as scripts do
    reply = machine.run("cmd", "/c", r"C:\script.bat")
    assert reply.err == ""
    assert "127.0.0.1: a.example: The host has started to deliver" in reply.out


def test_run_ends_when_the_service_does(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=Silence()))
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    run = machine.ctl_popen("run")
    server.wait_for(1)
    machine.stop()
    said, _ = run.communicate(timeout=10)
    assert run.returncode == CANCELLED
    assert "the service stopped before all results were known" in said


@pytest.mark.parametrize("words, code, said", [
    (["disable"], CANCELLED, "the service was disabled before all results were known; for details: etrnctl status"),
    (["remove", "isp"], NOT_FOUND, "isp was removed or excluded while waiting, and was not asked"),
    (["config", "set", "Enabled", "0", "--host", "isp"], NOT_FOUND, "isp was removed or excluded while waiting, and was not asked"),
], ids=["disabled", "removed", "left out"])
def test_run_ends_when_its_host_is_not_asked_any_more(machine: Machine, serve: Serve, words: list[str], code: int,
                                                      said: str) -> None:
    machine.fresh({"MinimumGapSeconds": 60}, {"isp": host_at(serve())})
    machine.wait_dequeues(1)
    run = machine.ctl_popen("run")
    assert run.stdout
    assert "MinimumGapSeconds" in run.stdout.readline()
    machine.ctl(*words)
    try:
        assert run.wait(30) == code
        assert said in run.stdout.read()
    finally:
        run.kill()


# test


def test_a_transcript_is_written_to_a_file_as_well(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn="459 gesperrt"))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "b\xfccher.example", "--transcript", "C:\\\xfcbertragung.txt")
    assert reply.code == REFUSED
    written = (machine.prefix.drive_c / "\xfcbertragung.txt").read_bytes()
    assert written.decode().replace("\r\n", "\n") == reply.out
    assert written.count(b"\n") == written.count(b"\r\n")  # Notepad reads it
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "--transcript", r"C:\no\such\folder\file.txt")
    assert reply.code == NOT_FOUND
    assert r"C:\no\such\folder\file.txt" in reply.err
    assert len(server.sessions) == 1  # it was known before the host was asked


def test_a_transcript_that_is_lost_is_named(machine: Machine, serve: Serve) -> None:
    reply = machine.ctl("test", f"127.0.0.1:{serve(Script()).port}", "--transcript", r"Z:\dev\full")
    assert (reply.code, reply.err.splitlines()[-1].partition(": ")[2].rpartition(": ")[0]) == (
        8, r"cannot write Z:\dev\full")


def test_a_test_for_programs(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": "250 OK", "*": "459 \x9b31m gesperrt"}))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "b.example", "--json", "--helo=client.example")
    assert (reply.code, reply.err) == (REFUSED, "")
    told = json.loads(reply.out)
    assert list(told) == ["schema", "host", "port", "conversation", "offered", "tls", "outcomes", "connected_ms", "round_trip_us",
                          "verdict"]
    assert (told["schema"], told["host"], told["port"], told["offered"]) == (1, "127.0.0.1", server.port, ["ETRN"])
    assert [line["line"] for line in told["conversation"] if line["from"] == "client"] == [
        "EHLO client.example", "ETRN a.example", "ETRN b.example", "QUIT"]
    assert {line["from"] for line in told["conversation"]} == {"tool", "client", "server"}
    accepted, refused = told["outcomes"]
    assert list(accepted) == ["node", "outcome", "code", "text", "meaning", "advice", "channel",
                              "channel_meaning"]
    assert (accepted["outcome"], accepted["code"]) == ("started", 250)
    assert (refused["outcome"], refused["text"]) == ("not-allowed", r"459 \xc2\x9b31m gesperrt")
    assert told["verdict"].startswith("ETRN was accepted for 1 of 2 domains.")
    assert "\x9b" not in reply.out and "\x1b" not in reply.out

    reply = machine.ctl("test", f"127.0.0.1:{free_port()}", "a.example", "--json")
    told = json.loads(reply.out)
    assert reply.code == NETWORK
    assert (told["connected_ms"], told["round_trip_us"], told["offered"]) == (None, None, [])
    assert told["outcomes"][0]["outcome"] == "no-connection"


def test_a_host_that_goes_at_the_first_node(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn="421 4.3.2 Shutting down"))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example")
    assert reply.code == REFUSED
    assert "\n\nThe host is busy or shutting down, and closed the connection." in reply.out
    assert all(len(line) <= 80 for line in reply.out.splitlines())


def test_the_name_we_give_is_never_empty(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.ctl("test", f"127.0.0.1:{server.port}")
    [hello] = server.commands("EHLO")
    assert hello.argument == "[127.0.0.1]" or "." in hello.argument  # an address literal, or a full name


# doctor


def test_doctor_for_programs(machine: Machine, serve: Serve) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, {"127.0.0.1": host_at(serve())})
    reply = machine.ctl("doctor", "--json")
    assert reply.code == INVALID
    assert json.loads(reply.out) == {"schema": 1, "problems": [
        {"problem": "ETRN is disabled: AlwaysUseETRN is 0 (Parameters).", "remedy": "etrnctl enable"}]}
    machine.ctl("enable")
    reply = machine.ctl("doctor", "--json")
    assert (reply.code, json.loads(reply.out)) == (DONE, {"schema": 1, "problems": []})
