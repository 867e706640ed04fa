"""Queues: the shapes of what is found, and what is sent."""

from __future__ import annotations

from tests.actions import ActionCase
from txami import Event
from txami.actions import QueueCaller, QueueMember

PARAMS = """\
QueueParams
Queue: {}
Max: 0
Strategy: ringall
Calls: 1
Holdtime: 12
TalkTime: 60
Completed: 9
Abandoned: 2
ServiceLevel: 20
ServicelevelPerf: 77.8
Weight: 3"""

MEMBER = """\
QueueMember
Queue: {}
Name: Alice
Location: PJSIP/alice
StateInterface: PJSIP/alice
Membership: dynamic
Penalty: 1
CallsTaken: 4
LastCall: 1700000000
LastPause: 0
LoginTime: 1699990000
InCall: 1
Status: {}
Paused: {}
PausedReason: lunch
Wrapuptime: 10"""

CALLER = """\
QueueEntry
Queue: {}
Position: 1
Channel: PJSIP/trunk-00000007
Uniqueid: 7.1
CallerIDNum: 4711
CallerIDName: unknown
Wait: 33
Priority: 0"""


class QueueTests(ActionCase):
    def test_queues(self) -> None:
        self.answer_list(
            "QueueStatus",
            PARAMS.format("support"),
            MEMBER.format("support", 2, 0),
            CALLER.format("support"),
            PARAMS.format("sales"),
        )
        queues = self.result(self.ami.queues())
        self.assertEqual(list(queues), ["support", "sales"])
        support = queues["support"]
        self.assertEqual((support.strategy, support.waiting, support.max_callers), ("ringall", 1, 0))
        self.assertEqual((support.hold_time, support.talk_time), (12, 60))
        self.assertEqual((support.completed, support.abandoned, support.weight), (9, 2, 3))
        self.assertEqual((support.service_level, support.service_level_performance), (20, 77.8))
        member = support.members["PJSIP/alice"]
        self.assertEqual(
            member,
            QueueMember(
                interface="PJSIP/alice",
                name="Alice",
                state_interface="PJSIP/alice",
                membership="dynamic",
                penalty=1,
                status=2,
                paused=False,
                paused_reason="lunch",
                in_call=True,
                calls_taken=4,
                last_call=1700000000,
                last_pause=None,
                logged_in_since=1699990000,
                wrapup_time=10,
                event=Event(b""),
            ),
        )
        self.assertEqual(member.state, "in use")
        self.assertEqual(
            support.callers, [QueueCaller(1, "PJSIP/trunk-00000007", "7.1", "4711", "", 33, 0, Event(b""))]
        )
        self.assertEqual(support.callers[0].event["Queue"], "support")
        self.assertEqual((queues["sales"].members, queues["sales"].callers), ({}, []))
        self.assertEqual(self.sent(), [[("Action", "QueueStatus")]])

    def test_a_state_that_we_do_not_know(self) -> None:
        self.answer_list("QueueStatus", PARAMS.format("support"), MEMBER.format("support", 99, 0))
        member = self.result(self.ami.queues("support"))["support"].members["PJSIP/alice"]
        self.assertEqual((member.status, member.state), (99, "unknown"))

    def test_an_old_server_says_less(self) -> None:
        self.answer_list(
            "QueueStatus", "QueueParams\nQueue: q\nMax: 5", "QueueMember\nQueue: q\nLocation: SIP/a\nPaused: 1"
        )
        queue = self.result(self.ami.queues())["q"]
        self.assertEqual((queue.max_callers, queue.talk_time, queue.service_level_performance), (5, 0, 0.0))
        member = queue.members["SIP/a"]
        self.assertEqual((member.name, member.state_interface, member.paused), ("SIP/a", "SIP/a", True))

    def test_a_summary(self) -> None:
        self.answer_list(
            "QueueSummary",
            "QueueSummary\nQueue: q\nLoggedIn: 3\nAvailable: 2\nCallers: 1\n"
            "HoldTime: 4\nTalkTime: 5\nLongestHoldTime: 6",
        )
        summary = self.result(self.ami.queue_summary())["q"]
        self.assertEqual((summary.logged_in, summary.available, summary.callers), (3, 2, 1))
        self.assertEqual((summary.hold_time, summary.talk_time, summary.longest_hold_time), (4, 5, 6))

    def test_toggling_a_pause(self) -> None:
        self.answer("QueuePause", "Message: Interface paused successfully")
        for paused in (False, True):
            self.answer_list("QueueStatus", PARAMS.format("support"), MEMBER.format("support", 1, int(paused)))
            self.assertEqual(self.result(self.ami.queue_toggle_pause("PJSIP/alice", "support")), not paused)
            self.assertEqual(self.sent()[0][-1], ("Paused", str(not paused).lower()))
        # Asterisk finds both whatever their case.
        self.answer_list("QueueStatus", PARAMS.format("support"), MEMBER.format("support", 1, 1))
        self.assertFalse(self.result(self.ami.queue_toggle_pause("pjsip/Alice", "Support")))
        self.answer_error("QueuePause", "Interface not found")
        self.assertEqual(self.refusal(self.ami.queue_toggle_pause("PJSIP/bob", "support")), "Interface not found")
        self.assertEqual(self.refusal(self.ami.queue_toggle_pause("PJSIP/alice", "sales")), "Interface not found")

    def test_what_is_reloaded(self) -> None:
        self.answer("QueueReload", "Message: Queue reloaded successfully")
        self.result(self.ami.queue_reload())
        self.assertEqual(self.sent(), [[("Action", "QueueReload")]])
        self.result(self.ami.queue_reload("support", members=True))
        self.assertEqual(self.sent(), [[("Action", "QueueReload"), ("Members", "yes"), ("Queue", "support")]])
