"""Which hosts are asked when: many nodes per host, the schedule, and Windows' controls of the service."""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest

from lab.scripted import Delay, Each, Script

from .machine import (CONTINUE, INTERROGATE, PARAMCHANGE, PARAMETERS, PAUSE, PAUSED, RUNNING, Hold, Machine, Serve, host,
                      host_at, nodes, outcomes, wait_until)

TWELVE = [f"{letter}.example" for letter in "abcdefghijkl"]
RUN_ALL = 128


def seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_one_event_reports_all_nodes_of_one_outcome_with_each_reply(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": "459 a.example: no", "b.example": "459 b.example: no", "c.example": "502 no",
                                "d.example": "459 b.example: no", "e.example": "500 no"}))
    machine.fresh(hosts={"isp": host_at(server, *(f"{letter}.example" for letter in "abcde"))})
    machine.wait_dequeues(1)
    warnings = machine.warnings()
    assert [warnings[at : at + 2] + warnings[at + 4 : at + 5] for at in range(0, len(warnings), 5)] == [
        ["isp", "a.example, b.example, d.example", "459 a.example: no | 459 b.example: no"],
        ["isp", "c.example", "502 no"], ["isp", "e.example", "500 no"]]


def test_twelve_domains_each_with_its_own_outcome(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"c.example": "459 c.example: service unavailable", "e.example": "251 No messages waiting",
                                "g.example": "253 OK, 14 pending messages for node g.example started",
                                "*": "250 Queuing started"}))
    machine.fresh({"RetrySeconds": 3600}, {"isp": host_at(server, *TWELVE)})
    machine.wait_dequeues(1)
    asked = [[c.argument for c in session.commands if c.verb == "ETRN"] for session in server.sessions]
    assert len(asked) == 2 and all(len(each) <= 7 for each in asked)
    assert sorted(asked[0] + asked[1]) == TWELVE
    assert all(session.commands[-1].verb == "QUIT" for session in server.sessions)

    told = machine.status()
    expected = dict.fromkeys(TWELVE, "started") | {"c.example": "not-allowed", "e.example": "nothing-waiting",
                                                   "g.example": "pending"}
    assert outcomes(told, "isp") == expected
    refused = nodes(told, "isp")["c.example"]
    assert (refused["code"], refused["text"], refused["failing"]) == (459, "459 c.example: service unavailable", True)
    assert nodes(told, "isp")["g.example"]["messages"] == 14
    assert [node for node, facts in nodes(told, "isp").items() if facts["failing"]] == ["c.example"]
    assert machine.warnings()[:2] == ["isp", "c.example"]  # one event, for that node alone
    assert len(machine.warnings()) == 5

    screen = machine.ctl("status").out
    assert screen.index("c.example") < screen.index("a.example")  # what fails comes first
    assert re.search(r"^  c\.example: The host does not permit ETRN for this domain\.", screen, re.M)


@pytest.mark.parametrize("per_session, connections, sessions", [(1, 1, 12), (12, 4, 1), (5, 2, 3), (100, 32, 1)])
def test_sessions_follow_the_settings(machine: Machine, serve: Serve, per_session: int, connections: int,
                                      sessions: int) -> None:
    server = serve(Script(delay=0.01))
    settings = {"EtrnsPerConnection": per_session, "ConnectionsPerHost": connections}
    machine.fresh(hosts={"isp": host_at(server, *TWELVE, **settings)})
    machine.wait_dequeues(1)
    assert len(server.sessions) == sessions
    assert server.max_open <= connections
    assert sorted(server.etrns()) == TWELVE


def test_nodes_are_sent_as_written(machine: Machine, serve: Serve) -> None:
    server = serve()
    written = ["Upper.Example", "@sub.example", "#queue/7", "xn--bcher-kva.example", "under_score.example"]
    machine.fresh(hosts={"isp": host_at(server, *written)})
    machine.wait_dequeues(1)
    assert server.etrns() == written


def test_a_host_that_is_added_is_asked_and_no_other(machine: Machine, serve: Serve) -> None:
    first, second = serve(), serve()
    machine.fresh(hosts={"first": host_at(first)})
    machine.wait_dequeues(1)
    machine.configure(hosts={"second": host_at(second)})
    second.wait_for(1)
    machine.wait_dequeues(1)
    assert len(first.sessions) == 1


def test_third_unable_to_queue_in_a_row_is_a_warning(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=Each(*["458 Unable to queue messages"] * 3, "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server)})
    for asked, warned in ((1, False), (2, False), (3, True)):
        told = machine.wait_dequeues(asked)
        assert nodes(told, "isp")["a.example"]["failing"] == warned
        assert bool(machine.warnings()) == warned
        machine.control(RUN_ALL)
    machine.wait_dequeues(4)
    assert machine.events()[-3:] == [("info", "isp"), ("info", "a.example"),  # and its end is news as well
                                     ("info", "The host has started to deliver the mail waiting for this domain.")]


def test_run_at_start(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 1}, {"isp": host_at(server)})
    told = machine.wait_dequeues(1)
    assert host(told, "isp")["trigger"] == "start"


def test_no_run_at_start(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0, "IntervalMinutes": 5}, {"isp": host_at(server)})
    told = machine.wait_told(lambda told: told["hosts"])
    assert host(told, "isp")["next_trigger"] == "interval"
    assert 299 < seconds(told["written"], told["next"]) <= 300
    assert server.sessions == []


def test_each_host_has_its_interval(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0, "IntervalMinutes": 60},
                  {"own": host_at(server, IntervalMinutes=5), "common": host_at(server)})
    told = machine.wait_told(lambda told: len(told["hosts"]) == 2)
    assert 299 < seconds(told["written"], host(told, "own")["next"]) <= 300
    assert 3599 < seconds(told["written"], host(told, "common")["next"]) <= 3600
    told = machine.follow({"IntervalMinutes": 30})
    assert 1798 < seconds(told["written"], host(told, "common")["next"]) <= 1800


def test_no_gap_is_reported_if_there_is_none(machine: Machine, serve: Serve) -> None:
    server = serve(Script(greeting=[Delay(0.4), "220 lab.example ESMTP"]))  # the tool reads of the round before
    machine.fresh({"MinimumGapSeconds": 0}, {"isp": host_at(server)})
    machine.wait_dequeues(1)
    assert machine.ctl("run").err == ""


def test_net_stop_and_net_start(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)})
    machine.wait_dequeues(1)
    assert machine.run("net", "stop", "EtrnSvc").code == 0
    wait_until(lambda: not machine.processes(), "the process gone")  # which the state comes before
    assert machine.run("net", "start", "EtrnSvc").code == 0
    server.wait_for(2)


def test_control_128_asks_all_hosts(machine: Machine, serve: Serve) -> None:
    one, other = serve(), serve()
    machine.fresh({"RunAtStart": 0}, {"one": host_at(one), "other": host_at(other)})
    assert machine.control(RUN_ALL) == (0, RUNNING)
    told = machine.wait_dequeues(1)
    assert {each["trigger"] for each in told["hosts"]} == {"request"}
    assert (len(one.etrns()), len(other.etrns())) == (1, 1)


@pytest.mark.fault("10.7")
def test_requests_during_a_dequeue_cause_one_more(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=Each([hold, "250 Queuing started"], "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server)})
    hold.wait()
    for _ in range(5):
        machine.control(RUN_ALL)
    hold.release()
    machine.wait_dequeues(2)
    machine.follow({"IntervalMinutes": 3})
    assert len(server.sessions) == 2
    assert server.max_open == 1  # never two at a time


def test_interrogate_and_paramchange(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"isp": host_at(serve())})
    machine.wait_dequeues(1)
    assert machine.control(INTERROGATE) == (0, RUNNING)
    before = machine.told()["written"]
    assert machine.control(PARAMCHANGE) == (0, RUNNING)
    told = machine.wait_told(lambda told: told["written"] > before)
    assert host(told, "isp")["dequeues"] == 1  # read again, and nothing was new
    assert machine.control(INTERROGATE) == (0, RUNNING)


def test_while_paused_no_host_is_asked_and_continue_catches_up(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    assert machine.control(PAUSE, PAUSED) == (0, PAUSED)
    machine.wait_told(lambda told: told["paused"])
    assert machine.control(INTERROGATE) == (0, PAUSED)
    machine.control(RUN_ALL)
    machine.follow({"IntervalMinutes": 3})  # configuration is followed meanwhile
    assert machine.status()["state"] == "paused"
    assert server.sessions == []
    reply = machine.ctl("run")
    assert reply.code == 3 and "paused" in reply.err
    assert machine.control(CONTINUE, RUNNING) == (0, RUNNING)
    server.wait_for(1)
    assert not machine.wait_dequeues(1)["paused"]


def test_pause_ends_a_running_session_politely(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=Each([hold, "250 Queuing started"], "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example")})
    hold.wait()
    machine.control(PAUSE, PAUSED)
    hold.release()
    server.wait_for(lambda s: s.commands("QUIT") and s.open_count() == 0)
    assert server.etrns() == ["a.example"]
    machine.stop()
    assert len(server.sessions) == 1


def test_settings_changed_in_mid_session_hold_for_the_next(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=Each([hold, "250 Queuing started"], "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example")})
    hold.wait()
    machine.follow(hosts={"isp": {"Domains": ["b.example", "c.example"]}})
    hold.release()
    told = machine.wait_dequeues(2)
    assert server.etrns() == ["a.example", "b.example", "b.example", "c.example"]
    assert outcomes(told, "isp") == {"b.example": "started", "c.example": "started"}


def test_host_removed_in_mid_session(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=Each([hold, "250 Queuing started"], "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example")})
    hold.wait()
    machine.prefix.reg_delete(PARAMETERS + r"\Hosts\isp")
    machine.wait_told(lambda told: told["hosts"] == [])
    hold.release()
    server.wait_for(lambda s: s.commands("QUIT") and s.open_count() == 0)
    assert server.etrns() == ["a.example"]
    machine.configure(hosts={"isp": host_at(server, "b.example")})  # and it can come back
    server.wait_for(2)
    assert machine.state() == RUNNING


@pytest.mark.fault("10.8")
def test_host_disabled_in_mid_session_and_left_out_since(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(etrn=Each([hold, "250 Queuing started"], "250 Queuing started")))
    machine.fresh(hosts={"isp": host_at(server, "a.example", "b.example")})
    hold.wait()
    machine.follow(hosts={"isp": {"Enabled": 0}})
    hold.release()
    server.wait_for(lambda s: s.commands("QUIT") and s.open_count() == 0)
    assert server.etrns() == ["a.example"]
    machine.control(RUN_ALL)
    machine.follow({"IntervalMinutes": 3})
    assert len(server.sessions) == 1
    assert "isp: not asked: its Enabled is 0" in machine.ctl("status").out


def test_status_shows_ages_and_the_next_round(machine: Machine, serve: Serve) -> None:
    machine.fresh({"IntervalMinutes": 30}, {"isp": host_at(serve())})
    machine.wait_dequeues(1)
    screen = machine.ctl("status").out
    assert re.search(r"^Service: +running$", screen, re.M)
    assert re.search(r"^ETRN: +enabled \(AlwaysUseETRN is 1, from Parameters\)$", screen, re.M)
    assert re.search(r"^Rounds: +last (just now|\d seconds? ago), next in (29|30) minutes$", screen, re.M)
    assert re.search(r"^isp: next in (29|30) minutes \(interval\)$", screen, re.M)
    unwrapped = screen.replace("\n  (", " (")
    ago = r"(just now|\d seconds? ago), not encrypted: STARTTLS is not offered"
    assert re.search(rf"^  a\.example: The host has started .*\. \({ago}\)$", unwrapped, re.M)
    time_of = nodes(machine.status(), "isp")["a.example"]["at"]
    assert abs(datetime.fromisoformat(time_of).timestamp() - time.time()) < 5
