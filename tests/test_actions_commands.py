"""The methods that only command: each sends one action with the right headers, and has no result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.actions import ActionCase
from txami import AMIService

Command = Callable[[AMIService], Any]

COMMANDS: list[tuple[Command, str, str]] = [
    (lambda ami: ami.set_variable("X", "a, b"), "Setvar", "Variable: X, Value: a, b"),
    (lambda ami: ami.send_text("A/1", "hello"), "SendText", "Channel: A/1, Message: hello"),
    (lambda ami: ami.mute("A/1"), "MuteAudio", "Channel: A/1, Direction: all, State: on"),
    (lambda ami: ami.unmute("A/1", "in"), "MuteAudio", "Channel: A/1, Direction: in, State: off"),
    (lambda ami: ami.local_optimize_away("A/1"), "LocalOptimizeAway", "Channel: A/1"),
    (lambda ami: ami.blind_transfer("A/1", "c", 1), "BlindTransfer", "Channel: A/1, Context: c, Exten: 1"),
    (lambda ami: ami.attended_transfer("A/1", "c", "1"), "Atxfer", "Channel: A/1, Context: c, Exten: 1"),
    (lambda ami: ami.cancel_attended_transfer("A/1"), "CancelAtxfer", "Channel: A/1"),
    (
        lambda ami: ami.queue_add("q", "PJSIP/a", name="Ann", penalty=0, state_interface="Custom:a"),
        "QueueAdd",
        "Queue: q, Interface: PJSIP/a, MemberName: Ann, Penalty: 0, Paused: false, StateInterface: Custom:a",
    ),
    (lambda ami: ami.queue_remove("q", "PJSIP/a"), "QueueRemove", "Queue: q, Interface: PJSIP/a"),
    (
        lambda ami: ami.queue_pause("PJSIP/a", reason="lunch"),
        "QueuePause",
        "Interface: PJSIP/a, Paused: true, Reason: lunch",
    ),
    (lambda ami: ami.queue_unpause("PJSIP/a", "q"), "QueuePause", "Interface: PJSIP/a, Queue: q, Paused: false"),
    (lambda ami: ami.queue_penalty("PJSIP/a", 3), "QueuePenalty", "Interface: PJSIP/a, Penalty: 3"),
    (
        lambda ami: ami.queue_ring_in_use("PJSIP/a", True, "q"),
        "QueueMemberRingInUse",
        "Interface: PJSIP/a, RingInUse: true, Queue: q",
    ),
    (lambda ami: ami.queue_log("q", "E", message="m"), "QueueLog", "Queue: q, Event: E, Message: m"),
    (lambda ami: ami.queue_reset("q"), "QueueReset", "Queue: q"),
    (lambda ami: ami.conference_mute("r", "A/1"), "ConfbridgeMute", "Conference: r, Channel: A/1"),
    (lambda ami: ami.conference_unmute("r", "all"), "ConfbridgeUnmute", "Conference: r, Channel: all"),
    (lambda ami: ami.conference_kick("r", "A/1"), "ConfbridgeKick", "Conference: r, Channel: A/1"),
    (lambda ami: ami.conference_lock("r"), "ConfbridgeLock", "Conference: r"),
    (lambda ami: ami.conference_unlock("r"), "ConfbridgeUnlock", "Conference: r"),
    (
        lambda ami: ami.conference_start_recording("r", "a.wav"),
        "ConfbridgeStartRecord",
        "Conference: r, RecordFile: a.wav",
    ),
    (lambda ami: ami.conference_stop_recording("r"), "ConfbridgeStopRecord", "Conference: r"),
    (lambda ami: ami.mixmonitor_stop("A/1", "0x1"), "StopMixMonitor", "Channel: A/1, MixMonitorID: 0x1"),
    (lambda ami: ami.mixmonitor_mute("A/1", "read"), "MixMonitorMute", "Channel: A/1, Direction: read, State: 1"),
    (
        lambda ami: ami.mixmonitor_unmute("A/1", mixmonitor_id="0x1"),
        "MixMonitorMute",
        "Channel: A/1, Direction: both, MixMonitorID: 0x1, State: 0",
    ),
    (lambda ami: ami.db_put("f", "k", 7), "DBPut", "Family: f, Key: k, Val: 7"),
    (lambda ami: ami.endpoint_qualify("alice"), "PJSIPQualify", "Endpoint: alice"),
    (lambda ami: ami.sip_notify("sally", "e"), "SIPnotify", "Channel: sally, Variable: Event=e"),
    (lambda ami: ami.module_unload("app_queue"), "ModuleLoad", "Module: app_queue.so, LoadType: unload"),
    (lambda ami: ami.module_reload("app_queue"), "ModuleLoad", "Module: app_queue.so, LoadType: reload"),
    (lambda ami: ami.reload("manager"), "Reload", "Module: manager"),
]


class CommandTests(ActionCase):
    def test_each(self) -> None:
        for command, action, headers in COMMANDS:
            self.answer(action, "Message: done")
            self.assertIsNone(self.result(command(self.ami)))
            ((_, name), *sent) = self.sent()[0]
            self.assertEqual((name, ", ".join(f"{header}: {value}" for header, value in sent)), (action, headers))
            self.answer_error(action, "No such thing")
            self.assertEqual(self.refusal(command(self.ami)), "No such thing")

    def test_what_the_answers_are_to_questions(self) -> None:
        self.answer("Getvar", "Variable: X\nValue: a=b")
        self.assertEqual(self.result(self.ami.get_variable("X", "A/1")), "a=b")
        self.answer_list("Parkinglots", "Parkinglot\nName: default\nStartSpace: 701\nStopSpace: 720\nTimeout: 45")
        lot = self.result(self.ami.parking_lots())["default"]
        self.assertEqual((lot.first_space, lot.last_space, lot.park_time), (701, 720, 45))
        self.answer_list("DeviceStateList", "DeviceStateChange\nDevice: PJSIP/a\nState: INUSE")
        self.assertEqual(self.result(self.ami.device_states()), {"PJSIP/a": "INUSE"})
