"""etrnctl: what each command writes, says and returns."""

from __future__ import annotations

import re

import pytest

from lab.scripted import Answer, Close, Raw, Script, Silence, free_port

from .machine import PARAMETERS, POLICIES, Machine, Serve, black_hole, host_at, outcomes

DONE, REFUSED, USAGE, NOT_FOUND, NETWORK, INVALID = 0, 1, 2, 3, 4, 7
EXCHANGE = r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIMC"
COMMANDS = ["enable", "disable", "status", "add", "remove", "config", "run", "test", "service"]


# Help and usage


@pytest.mark.parametrize("word", ["--help", "/?", "-h"])
def test_help_names_every_command_and_exit_code(machine: Machine, word: str) -> None:
    reply = machine.ctl(word)
    assert reply.code == DONE
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\w", reply.out, re.M)
    codes = "0 done; 1 .*refused; 2 usage; 3 no such.*4 network.*5 access denied; 6 cancelled; 7 invalid"
    assert re.search(codes, reply.out, re.S)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(machine: Machine, command: str) -> None:
    reply = machine.ctl(command, "--help")
    assert reply.code == DONE
    assert reply.out.startswith(f"Usage: etrnctl {command} ")
    assert f"Example: etrnctl {command}" in reply.out


def test_version(machine: Machine) -> None:
    assert re.fullmatch(r"etrnctl \d+\.\d+\.\d+\n", machine.ctl("--version").out)


USAGE_ERRORS = {
    "": "Usage",
    "nonsense": "nonsense: no such command",
    "enable more": "more",
    "enable --service": "--service needs a value",
    "enable --service=": "name of a service",
    r"enable --service a\b": "name of a service",
    "disable --bogus": "--bogus: no such option",
    "status more": "more",
    "status --json=1": "--json",
    "add": "a host and at least one domain",
    "add isp.example": "at least one domain",
    "add isp.example a.example --port": "--port needs a value",
    "remove": "one host",
    "remove a b": "one host",
    r"remove a\b": "name of a host",
    "config frobnicate Port": "list, or get, set or unset",
    "config get": "name",
    "config set IntervalMinutes": "set",
    "config list more": "list",
    "config set IntervalMinutes -5": "-5: no such option",
    "run --all": "--all",
    "test": "a host is needed",
    "test --frob isp.example": "--frob",
    "service": "install, uninstall, start or stop",
    "service restart": "install, uninstall, start or stop",
    "service start now": "install, uninstall, start or stop",
}


@pytest.mark.parametrize("words, said", USAGE_ERRORS.items(), ids=[words or "nothing" for words in USAGE_ERRORS])
def test_usage_errors(machine: Machine, words: str, said: str) -> None:
    reply = machine.ctl(*words.split())
    assert reply.code == USAGE
    if words:
        assert reply.out == "" and said in reply.err.splitlines()[0] and "--help" in reply.err
    else:
        assert said in reply.out


INVALID_WORDS = {
    "add isp_.example: a.example": '"isp_.example:" is not a host',
    "add isp.example:0 a.example": "is not a host",
    "add isp.example:65536 a.example": "is not a host",
    "add isp.example a..example": '"a..example" has a part between dots',
    "add isp.example b\xfccher.example": "xn--",
    "add isp.example a.example;b.example": "character that no domain has",
    "add isp.example @": "is empty",
    "add isp.example a.example --port 70000": "70000 is out of range, 1 to 65535",
    "add isp.example a.example --port smtp": '"smtp" is not a number',
    "add isp.example a.example --tls maybe": "one of none, may, require, implicit",
    "add isp.example a.example --helo -x-": "HeloName",
    "add isp.example a.example --interval 0": "1 to 10080 minutes",
    "config set AlwaysUseETRN 2": "2 is out of range, 0 or 1",
    "config set AlwaysUseETRN yes": '"yes" is not a number; allowed is 0 or 1',
    "config set IntervalMinutes 10081": "1 to 10080 minutes",
    "config set RetrySeconds 9": "10 to 86400 seconds",
    "config set TimeoutSeconds 5 6": "takes one value",
    "test isp.example:99999": "is not a host",
    "test isp.example a..example": "expected a domain, @domain or #queue",
    "test isp.example --timeout 0": "--timeout",
    "test isp.example --port 0": "--port",
}


@pytest.mark.parametrize("words, said", INVALID_WORDS.items(), ids=INVALID_WORDS)
def test_invalid_values_are_told_and_nothing_is_written(machine: Machine, words: str, said: str) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    before = machine.prefix.reg_query(PARAMETERS)
    reply = machine.ctl(*words.split())
    assert reply.code == INVALID, reply
    assert reply.out == "" and said in reply.err
    assert machine.prefix.reg_query(PARAMETERS) == before


# enable, disable


@pytest.mark.parametrize("before, was", [({}, "not set"), ({"AlwaysUseETRN": 0}, "0")])
def test_enable_and_disable(machine: Machine, before: dict, was: str) -> None:
    machine.fresh(start=False)
    machine.prefix.reg_delete(PARAMETERS)
    machine.configure(before)
    for word, number, old in (("enable", 1, was), ("disable", 0, "1")):
        reply = machine.ctl(word)
        assert (reply.code, reply.err) == (DONE, "")
        assert reply.out == f"EtrnSvc: AlwaysUseETRN was {old}, is now {number}.\n"
        assert f"REG_DWORD    0x{number}" in machine.prefix.reg_query(PARAMETERS, "AlwaysUseETRN")
        reply = machine.ctl(word)
        assert (reply.code, reply.out) == (DONE, f"EtrnSvc: AlwaysUseETRN is {number} already; nothing was written.\n")


@pytest.mark.xfail(strict=True, reason="it says that the value was not set")
def test_enable_replaces_a_value_of_the_wrong_type(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": "1"}, start=False)
    reply = machine.ctl("enable")
    assert reply.code == DONE
    assert 'was REG_SZ "1"' in reply.out  # it was set, though to no use
    assert "REG_DWORD    0x1" in machine.prefix.reg_query(PARAMETERS, "AlwaysUseETRN")


def test_enable_of_another_service(machine: Machine) -> None:
    machine.prefix.reg_add(EXCHANGE, "DisplayName", "REG_SZ", "Microsoft Exchange Internet Mail Connector")
    try:
        reply = machine.ctl("enable", "--service", "MSExchangeIMC", "-y")  # makes the Parameters key
        assert (reply.code, reply.out) == (DONE, "MSExchangeIMC: AlwaysUseETRN was not set, is now 1.\n")
        assert "REG_DWORD    0x1" in machine.prefix.reg_query(EXCHANGE + r"\Parameters", "AlwaysUseETRN")
        reply = machine.ctl("disable", "--service=msexchangeimc")  # no console, no question
        assert (reply.code, reply.out) == (DONE, "msexchangeimc: AlwaysUseETRN was 1, is now 0.\n")
        assert "REG_DWORD    0x0" in machine.prefix.reg_query(EXCHANGE + r"\Parameters", "AlwaysUseETRN")
    finally:
        machine.prefix.reg_delete(EXCHANGE)


@pytest.mark.parametrize("word", ["enable", "disable"])
def test_enable_of_a_service_that_is_not_there(machine: Machine, word: str) -> None:
    reply = machine.ctl(word, "--service", "NoSuchService", "-y")
    assert reply.code == NOT_FOUND
    assert "NoSuchService" in reply.err and reply.out == ""
    assert machine.prefix.reg_query(r"HKLM\SYSTEM\CurrentControlSet\Services\NoSuchService") == ""


def test_enable_under_a_policy_says_who_wins(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False, policies={"AlwaysUseETRN": 0})
    reply = machine.ctl("enable")
    assert reply.code == DONE
    assert "Group Policy sets AlwaysUseETRN to 0" in reply.err and POLICIES in reply.err


# add, remove, config


def test_add_more_and_remove(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"AlwaysUseETRN": 0})
    reply = machine.ctl("add", f"127.0.0.1:{server.port}", "a.example", "@b.example")
    assert reply.code == DONE
    assert reply.out == f"127.0.0.1 port {server.port} is asked for: a.example @b.example\n"
    assert "etrnctl enable" in reply.err  # it is not asked yet, and why
    machine.ctl("enable")
    server.wait_for(2)
    reply = machine.ctl("add", "127.0.0.1", "A.EXAMPLE", "#c")  # the first is known
    assert reply.out == f"127.0.0.1 port {server.port} is asked for: a.example @b.example #c\n"
    assert reply.err == ""
    machine.wait_told(lambda told: outcomes(told, "127.0.0.1").get("#c") == "started")
    reply = machine.ctl("remove", "127.0.0.1")
    assert (reply.code, reply.out) == (DONE, "127.0.0.1 is not asked any more.\n")
    machine.wait_told(lambda told: told["hosts"] == [])
    reply = machine.ctl("remove", "127.0.0.1")
    assert reply.code == NOT_FOUND
    assert "127.0.0.1: no such host" in reply.err


def test_add_with_options(machine: Machine) -> None:
    machine.fresh(start=False)
    reply = machine.ctl("add", "isp.example", "a.example", "--port", "2525", "--tls=require", "--helo", "mail.a.example",
                        "--interval", "45", "--force")
    assert reply.code == DONE
    settings = machine.ctl("config", "list", "--host", "isp.example").out
    for name, value in (("Port", "2525"), ("Tls", "require"), ("HeloName", "mail.a.example"), ("IntervalMinutes", "45"),
                        ("ForceETRN", "1"), ("Domains", "a.example")):
        assert re.search(rf"^{name} +Parameters +{re.escape(value)}$", settings, re.M)
    assert re.search(r"^EtrnsPerConnection +default +7$", settings, re.M)


def test_config_set_get_unset_and_where_values_come_from(machine: Machine) -> None:
    machine.fresh(start=False, policies={"MaxConnections": 9})
    assert machine.ctl("config", "get", "IntervalMinutes").out == "15\n"
    reply = machine.ctl("config", "set", "intervalminutes", "20")  # names as in the registry: case does not matter
    assert reply.code == DONE
    assert "0x14" in machine.prefix.reg_query(PARAMETERS, "IntervalMinutes")
    assert machine.ctl("config", "get", "IntervalMinutes").out == "20\n"
    listed = machine.ctl("config", "list").out
    assert listed == machine.ctl("config").out
    for name, origin, value in (("AlwaysUseETRN", "Parameters", 1), ("IntervalMinutes", "Parameters", 20),
                                ("MaxConnections", "policy", 9), ("TimeoutSeconds", "default", 300)):
        assert re.search(rf"^{name} +{origin} +{value}$", listed, re.M)
    for _ in range(2):  # what is wanted is so
        assert machine.ctl("config", "unset", "IntervalMinutes").code == DONE
    assert machine.ctl("config", "get", "IntervalMinutes").out == "15\n"


@pytest.mark.parametrize("words, said", [("get Nonsense", "Nonsense: no such setting"), ("set Port 25", "Port: no such setting"),
                                         ("get Port --host nobody.example", "nobody.example: no such host")])
def test_config_of_what_is_not_there(machine: Machine, words: str, said: str) -> None:
    machine.fresh(start=False)
    reply = machine.ctl("config", *words.split())
    assert reply.code == NOT_FOUND
    assert said in reply.err


# status, run


def test_status_without_hosts_says_what_to_do(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    screen = machine.ctl("status").out
    for advice in ("etrnctl service start", "etrnctl add ", "etrnctl enable"):
        assert advice in screen
    status = machine.status()
    assert (status["schema"], status["state"], status["enabled"], status["service"]) == (1, "stopped", False, None)


def test_run_one_of_two_hosts(machine: Machine, serve: Serve) -> None:
    one, other = serve(), serve(Script(etrn={"a.example": "459 a.example: service unavailable", "*": "250 OK"}))
    machine.fresh({"RunAtStart": 0}, {"one": host_at(one), "other": host_at(other, "a.example", "b.example")})
    reply = machine.ctl("run", "OTHER")
    assert reply.code == REFUSED
    lines = reply.out.splitlines()
    assert lines[0] == ("other: a.example: The host does not allow ETRN for this node. "
                        "Reply or error: 459 a.example: service unavailable")
    assert "fast_flush_domains" in lines[1] and lines[1].startswith("  ")
    assert lines[2].startswith("other: b.example: Mail that waits")
    assert one.sessions == []
    assert machine.ctl("run", "one").code == DONE
    assert len(other.sessions) == 1


def test_run_returns_the_network_s_failure(machine: Machine) -> None:
    machine.fresh({"RunAtStart": 0}, {"down": {"Host": "127.0.0.1", "Port": free_port(), "Domains": ["a.example"]}})
    reply = machine.ctl("run")
    assert reply.code == NETWORK
    assert "down: a.example: No connection to the host." in reply.out


def test_run_of_a_host_without_etrn_is_refused(machine: Machine, serve: Serve) -> None:
    server = serve(Script(ehlo="250 lab.example"))
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    reply = machine.ctl("run")
    assert "isp: a.example: The host does not offer ETRN." in reply.out
    assert reply.code == REFUSED


RUN_ERRORS = {
    "stopped": (NOT_FOUND, "the service is stopped; to start it: etrnctl service start"),
    "disabled": (INVALID, "AlwaysUseETRN is 0); to enable it: etrnctl enable"),
    "no hosts": (NOT_FOUND, "there is no host to ask; to add one: etrnctl add "),
    "unknown host": (NOT_FOUND, "nobody: no such host"),
    "left out": (INVALID, "isp: is left out by its settings"),
}


@pytest.mark.parametrize("case", RUN_ERRORS)
def test_run_that_cannot_be(machine: Machine, serve: Serve, case: str) -> None:
    server = serve()
    code, said = RUN_ERRORS[case]
    hosts = {} if case == "no hosts" else {"isp": host_at(server, Enabled=int(case != "left out"))}
    machine.fresh({"AlwaysUseETRN": int(case != "disabled"), "RunAtStart": 0}, hosts, start=case != "stopped")
    if case != "stopped":
        machine.wait_told(bool)
    words = {"unknown host": ["nobody"], "left out": ["isp"]}.get(case, [])
    reply = machine.ctl("run", *words)
    assert (reply.code, reply.out) == (code, "")
    assert said in reply.err
    assert server.sessions == []


def test_run_just_after_start(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    reply = machine.ctl("run")  # at once, before the service has written its first status.json
    assert reply.code == DONE, reply.err


def test_run_ends_when_the_service_does(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=Silence()))
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    machine.wait_told(bool)
    run = machine.ctl_popen("run")
    server.wait_for(1)
    machine.stop()
    said, _ = run.communicate(timeout=10)
    assert run.returncode == NOT_FOUND
    assert "no longer running" in said


@pytest.mark.xfail(strict=True, reason="it waits for a dequeue that never comes")
@pytest.mark.parametrize("words", [["disable"], ["remove", "isp"]], ids=["disabled", "removed"])
def test_run_ends_when_its_host_is_not_asked_any_more(machine: Machine, serve: Serve, words: list[str]) -> None:
    machine.fresh({"MinimumGapSeconds": 60}, {"isp": host_at(serve())})
    machine.wait_dequeues(1)
    run = machine.ctl_popen("run")
    assert run.stdout
    assert "MinimumGapSeconds" in run.stdout.readline()
    machine.ctl(*words)
    try:
        assert run.wait(3) != DONE
    finally:
        run.kill()


# test


def transcript(port: int, *lines: str) -> list[str]:
    return [f"-- address 127.0.0.1 port {port}", f"-- connecting to 127.0.0.1 port {port}", "-- connected", *lines]


def shown(out: str) -> list[str]:
    return [re.sub(r"^-- connected in \d+ ms$", "-- connected", line) for line in out.splitlines()]


HELLO = ["<- 220 lab.example ESMTP", "-> EHLO client.example", "<- 250-lab.example", "<- 250 ETRN",
         "   = ETRN is offered; STARTTLS is not offered; AUTH is not offered."]
BYE = ["-> QUIT", "<- 221 Bye"]


def test_transcript_of_a_host_that_starts_delivery(machine: Machine, serve: Serve) -> None:
    server = serve()
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--helo", "client.example")
    assert reply.code == DONE
    assert shown(reply.out) == transcript(
        server.port, *HELLO,
        "-> ETRN a.example",
        "<- 250 Queuing started",
        "   = Mail that waits for this node is now being sent to its mail server.",
        *BYE,
        "Verdict: 1 of 1 accepted.")


EXPLANATIONS = {
    250: (DONE, "is now being sent", ""),
    251: (DONE, "no mail is waiting for this node", ""),
    252: (DONE, "Mail is waiting for this node, and is now being sent", ""),
    253: (DONE, "Mail is waiting for this node, and is now being sent", ""),
    458: (REFUSED, "cannot start delivery now", "ask the host's operator"),
    459: (REFUSED, "does not allow ETRN for this node", "fast_flush_domains"),
    500: (REFUSED, "does not know the ETRN command", "another way"),
    501: (REFUSED, "does not accept this node as an argument", "Exim"),
    502: (REFUSED, "not configured to accept ETRN", "allow ETRN for this machine"),
    530: (REFUSED, "wants TLS or authentication", "Set Tls to require"),
    554: (REFUSED, "rejects ETRN from this machine", "smtpd_etrn_restrictions"),
}


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_each_reply_is_explained(machine: Machine, serve: Serve, code: int) -> None:
    exit_code, meaning, advice = EXPLANATIONS[code]
    server = serve(Script(etrn={"a.example": f"{code} so it is", "*": "250 OK"}))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "b.example", "--helo=client.example")
    assert reply.code == exit_code
    lines = shown(reply.out)
    at = lines.index("-> ETRN a.example")
    assert lines[: at] == transcript(server.port, *HELLO)
    assert lines[at + 1] == f"<- {code} so it is"
    assert lines[at + 2].startswith("   = ") and meaning in lines[at + 2]
    if advice:
        assert lines[at + 3].startswith("     ") and advice in lines[at + 3]
    follows = lines.index("-> ETRN b.example")  # the other is asked all the same
    assert follows == at + 3 + bool(advice)
    assert lines[-1] == f"Verdict: {2 if exit_code == DONE else 1} of 2 accepted."
    assert server.etrns() == ["a.example", "b.example"]


def test_a_host_that_offers_more(machine: Machine, serve: Serve) -> None:
    server = serve(Script(ehlo=["250 lab.example", "STARTTLS", "AUTH PLAIN", "ETRN"]))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}")
    assert reply.code == DONE
    assert "   = ETRN is offered; STARTTLS is offered; AUTH is offered." in shown(reply.out)
    assert shown(reply.out)[-1] == "Verdict: the host offers ETRN."
    assert server.etrns() == []


@pytest.mark.parametrize("domains", [[], ["a.example", "b.example"]], ids=["no domains", "two domains"])
def test_a_host_without_etrn(machine: Machine, serve: Serve, domains: list[str]) -> None:
    server = serve(Script(ehlo=["250 lab.example", "SIZE 1000"]))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", *domains)
    assert server.etrns() == []
    out = shown(reply.out)
    assert "   = ETRN is not offered; STARTTLS is not offered; AUTH is not offered." in out
    assert "   = The host does not offer ETRN." in out
    assert any("ForceETRN" in line or "--force" in line for line in out)
    assert out[-1] == ("Verdict: 0 of 2 accepted." if domains else "Verdict: The host does not offer ETRN.")
    assert reply.code == REFUSED

    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--force")
    assert reply.code == DONE and server.etrns() == ["a.example"]


def test_no_connection(machine: Machine) -> None:
    port = free_port()
    reply = machine.ctl("test", f"127.0.0.1:{port}", "a.example")
    assert reply.code == NETWORK
    out = shown(reply.out)
    assert out[1] == f"-- connecting to 127.0.0.1 port {port}"
    assert re.search("refused", out[2], re.I)
    assert "   = No connection to the host." in out
    assert any("firewall" in line for line in out)
    assert out[-1] == "Verdict: 0 of 1 accepted."
    assert len([line for line in out if "refused" in line.lower()]) == 1  # once is enough


def test_no_answer(machine: Machine) -> None:
    with black_hole() as (address, port):
        reply = machine.ctl("test", f"{address}:{port}", "--timeout", "1")
    assert reply.code == NETWORK
    assert "   = No connection to the host." in shown(reply.out)
    assert "Verdict: No connection to the host." in shown(reply.out)


def test_no_such_name(machine: Machine) -> None:
    reply = machine.ctl("test", "nothing.invalid", "a.example")
    assert reply.code == NETWORK
    assert "   = The host's name has no address." in shown(reply.out)


CUT: dict[str, tuple[Answer, str]] = {
    "closed": (Close(), "   = The connection ended before the reply."),
    "421": ("421 Too busy", "   = The host is closing the connection: busy, or shutting down."),
}


@pytest.mark.parametrize("answer, meaning", CUT.values(), ids=CUT)
def test_a_conversation_cut_short(machine: Machine, serve: Serve, answer: Answer, meaning: str) -> None:
    server = serve(Script(etrn={"a.example": "250 OK", "b.example": answer}))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "b.example", "c.example")
    out = shown(reply.out)
    assert meaning in out
    assert out.count(meaning) == 1
    assert out[-1] == "Verdict: 1 of 3 accepted."
    assert reply.code in (REFUSED, NETWORK)


def test_the_name_we_give_is_never_empty(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.ctl("test", f"127.0.0.1:{server.port}")
    [hello] = server.commands("EHLO")
    assert hello.argument == "[127.0.0.1]" or "." in hello.argument  # an address literal, or a full name


def test_escape_sequences_never_reach_the_console(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=Raw(b"459 \x9b31m red \xc2\x9b\r\n")))
    reply = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example")
    assert reply.code == REFUSED
    assert r"<- 459 \x9b31m red \xc2\x9b" in shown(reply.out)
