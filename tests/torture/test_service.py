"""The service starts, stops and follows a change of its configuration while one call fails."""

from __future__ import annotations

from collections import Counter

import pytest

from wine.machine import RUNNING, STOPPED, Serve, host_at, servers, wait_until

from .machine import BELOW_MACHINE, TortureMachine
from .rounds import PATIENCE, QUIET, Round, Rounds, asked_of, strided, wait_until_true


def only_silenced(machine: TortureMachine) -> bool:
    """Whether the failed call is the one that reports failures."""
    return any(name in machine.service.told() for name in ("RegisterEventSourceW", "ReportEventW", "event_write"))


def check_start(rounds: Rounds, first: int) -> None:
    """The service is started while that call fails: it runs, or reports why it cannot and ends."""
    machine, control = rounds.machine, rounds.machine.service
    machine.status_file.unlink(missing_ok=True)
    machine.forget_events()
    error, state, code = machine.start_failing(first)
    wait_until_true(lambda: control.get("failed") > 0, QUIET)
    told = f"{control.told()}: error {error}, state {state}, exit code {code}"
    assert not control.get("exception"), told
    if state == RUNNING:
        control.disarm()
        rounds.begin(f"running after {told}")
        rounds.clean(told)
        machine.stop()
    else:
        assert state == STOPPED and (error or code), told  # an error: who started it, learns it
        assert error or only_silenced(machine) or "err" in [level for level, _ in machine.events()], f"no event: {told}"
    wait_until(lambda: not machine.processes(), f"the process ended: {told}")


@pytest.mark.fault("13.1")
@pytest.mark.fault("13.2")
@pytest.mark.fault("11.6")
def test_start(machine: TortureMachine, serve: Serve) -> None:
    server = serve()
    rounds = Rounds(machine, Round({"isp": host_at(server)}, asked_of(server), 43, {}))
    calls = machine.service.get("calls")
    assert calls > 80, "nothing was counted"
    machine.stop()
    for first in strided(calls, rounds.round.stride):
        check_start(rounds, first)


STEPS = {"CreateIoCompletionPort": "cannot create the completion port", "WSASocketW": "cannot start Windows Sockets",
         "CreateThread": "cannot watch the configuration in the registry",
         "StartServiceCtrlDispatcherW": "cannot connect to the service control manager",
         "RegisterServiceCtrlHandlerExW": "cannot register with the service control manager"}


@pytest.mark.parametrize("call", STEPS)
def test_the_event_names_the_step_that_failed(machine: TortureMachine, call: str) -> None:
    machine.fresh(start=False)
    machine.forget_events()
    machine.service.forget()
    machine.service.arm(1, only=call)
    machine.driver.numbers("start")
    wait_until(lambda: not machine.processes(), "the process ended")
    assert machine.service.get("failed") == 1
    errors = [text for level, text in machine.events() if level == "err"]
    assert errors[1:2] == [STEPS[call]] and len(errors) == 3 and errors[2], errors


@pytest.mark.fault("13.1")
def test_stop(machine: TortureMachine, serve: Serve) -> None:
    server = serve()
    rounds = Rounds(machine, Round({"isp": host_at(server)}, asked_of(server), 11, {"ProtocolLog": 1}))
    rounds.clean()
    rounds.rest()
    machine.service.arm(0)
    machine.driver.numbers("stop")
    calls = machine.service.get("calls")
    assert calls > 10, "nothing was counted"
    for first in strided(calls, rounds.round.stride):
        machine.start()
        rounds.begin()
        machine.service.arm(first)
        assert machine.driver.numbers("stop") == [0, STOPPED, 0], machine.service.told()
        wait_until(lambda: not machine.processes(), "the process ended")
        assert not machine.service.get("exception"), machine.service.told()


@pytest.mark.fault("12.5")
def test_the_event_log_is_full(machine: TortureMachine, serve: Serve) -> None:
    """Every event fails from the start: events are lost, but everything else works."""
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)}, start=False)
    machine.service.forget()
    machine.service.arm(1, 1000000, only="ReportEventW")
    assert machine.driver.numbers("start")[:2] == [0, RUNNING]
    machine.wait_dequeues(1)
    machine.follow({"IntervalMinutes": 0})  # a warning
    assert machine.service.get("failed") >= 2 and not machine.service.get("exception")
    assert machine.events() == []
    machine.stop()


# ---- a change of the configuration ----


def test_a_request_goes_by_the_settings_written_just_before(machine: TortureMachine) -> None:
    """Local to the driver, which writes and reads within the 50 ms in which the service collects changes."""
    with servers() as serve:
        before, after = serve(), serve()
        machine.fresh({"RunAtStart": 0}, {"isp": host_at(before)}, start=False)
        machine.start()
        assert machine.driver.numbers(rf"set {BELOW_MACHINE}\Hosts\isp Port {after.port}") == [0]
        machine.ask_all()
        machine.wait_dequeues(1)
        assert (len(before.etrns()), len(after.etrns())) == (0, 1)
        machine.stop()


@pytest.mark.fault("13.2")
@pytest.mark.fault("11.6")
def test_change(machine: TortureMachine) -> None:
    """After a value is written, it takes effect at once or a little later."""
    with servers() as serve:
        rounds = Rounds(machine, Round({"isp": host_at(serve())}, Counter, 19, {}))
    port = 1000

    def change(first: int) -> None:
        nonlocal port
        port += 1
        machine.forget_events()
        machine.service.arm(first)
        assert machine.driver.numbers(rf"set {BELOW_MACHINE}\Hosts\isp Port {port}") == [0]
        try:
            machine.wait_told(lambda told: port in [each["port"] for each in told["hosts"]], "the change followed", PATIENCE)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{machine.service.told()}") from None
        assert not machine.service.get("exception"), machine.service.told()

    change(0)
    living = rounds.rest()
    calls = machine.service.get("calls")
    assert calls > 40, "nothing was counted"
    for first in strided(calls, rounds.round.stride):
        change(first)
        wait_until_true(lambda: machine.service.get("failed") > 0, QUIET)
        machine.service.disarm()
        told = machine.service.told()
        if any("watched" in text or "arm" in told for _, text in machine.events()) or " arm " in told or "watch_" in told:
            assert "err" in [level for level, _ in machine.events()], f"no event: {told}"
            machine.stop()  # it is watched again in a minute
            machine.start()
            rounds.begin()
            continue
        wait_until_true(lambda: machine.service.live() == living, 2)
        assert machine.service.live() == living, f"leaked: {told}"
    machine.stop()
