"""TLS with a Schannel that follows a script (helpers/tls_script.c)."""

from __future__ import annotations

from .machine import Machine, helper

BEGINNING = ["to be sent: [hello]", "handshake: established wants more", "to be sent: [finished]"]


def test_a_command_that_is_due_while_new_keys_are_agreed_on_waits_for_them(machine: Machine) -> None:
    said = [line.split(" the host requested")[0] for line in machine.run(str(helper("tls_script"))).out.splitlines()]
    assert said == [
        *BEGINNING,
        "a command: taken", "to be sent: <EHLO>",
        "new keys begin: plain wants more",
        "a command: taken", "to be sent: ",
        "new keys are there: plain plain x wants more", "to be sent: [keys]<ETRN>",
        "a command: taken", "to be sent: <QUIT>",
        "new keys begin: plain wants more",
        "a command: taken",
        "enciphering fails: broken: not enough memory",
        *BEGINNING,
        "new keys begin: broken:",
        "a command: refused",
    ]
