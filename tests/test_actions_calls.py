"""Channels, transfers, conferences, parking and recording: the shapes of what is found, and what is sent."""

from __future__ import annotations

from tests.actions import ActionCase
from txami import Event, InvalidAction
from txami.actions import Bridge, Channel

SNAPSHOT = """\
{0}Channel: PJSIP/alice-00000001
{0}ChannelState: 6
{0}ChannelStateDesc: Up
{0}CallerIDNum: 4711
{0}CallerIDName: O\\'Brien
{0}ConnectedLineNum: <unknown>
{0}ConnectedLineName: <unknown>
{0}Language: en
{0}AccountCode: sales
{0}Context: default
{0}Exten: 100
{0}Priority: 3
{0}Uniqueid: 1.1
{0}Linkedid: 1.0
{0}ChanVariable: CALLTAG=it\\'s"""


class ChannelTests(ActionCase):
    def test_a_channel(self) -> None:
        more = "Application: Wait\nApplicationData: 60\nDuration: 26:01:02\nBridgeId: b1"
        self.answer_list("CoreShowChannels", f"CoreShowChannel\n{SNAPSHOT.format('')}\n{more}")
        channels = self.result(self.ami.channels())
        channel = channels["PJSIP/alice-00000001"]
        self.assertEqual(
            channel,
            Channel(
                name="PJSIP/alice-00000001",
                uniqueid="1.1",
                linkedid="1.0",
                state="Up",
                caller_id_number="4711",
                caller_id_name="O'Brien",
                connected_line_number="",
                connected_line_name="",
                account_code="sales",
                context="default",
                exten="100",
                priority=3,
                application="Wait",
                data="60",
                duration=26 * 3600 + 62,
                bridge_id="b1",
                variables={"CALLTAG": "it's"},
                event=Event(b""),
            ),
        )
        self.assertEqual(channel.event["Language"], "en")
        self.assertNotIn("event", repr(channel))

    def test_what_is_not_said(self) -> None:
        channel = Channel.from_event(Event(b"Event: Newchannel\r\nChannel: A/1\r\nDuration: (null)"))
        self.assertEqual((channel.name, channel.priority, channel.duration), ("A/1", 0, None))
        self.assertEqual((channel.bridge_id, channel.application, channel.variables), ("", "", {}))

    def test_no_channels(self) -> None:
        self.assertEqual(self.result(self.ami.channels()), {})

    def test_one_channel_with_variables(self) -> None:
        more = "Seconds: 62\nVariable: A=x=\\'y\nVariable: B=(null)\nVariable: C="
        self.answer_list("Status", f"Status\nPrivilege: Call\n{SNAPSHOT.format('')}\n{more}")
        channel = self.result(self.ami.channel("1.1", ["A", "B", "C"]))
        assert channel is not None
        self.assertEqual(channel.duration, 62)
        # What was asked for is not escaped, and B is not set.
        self.assertEqual(channel.variables, {"CALLTAG": "it's", "A": "x=\\'y", "C": ""})
        self.assertEqual(self.sent(), [[("Action", "Status"), ("Channel", "1.1"), ("Variables", "A,B,C")]])

    def test_no_such_channel(self) -> None:
        self.answer_error("Status", "No such channel")
        self.assertIsNone(self.result(self.ami.channel("A/1")))
        self.answer_error("Status", "Permission denied")
        self.assertEqual(self.refusal(self.ami.channel("A/1")), "Permission denied")

    def test_hangup(self) -> None:
        channel = self.net.server.add_channel("PJSIP/alice-00000001")
        self.assertEqual(self.result(self.ami.hangup(channel.uniqueid, 17)), 1)
        self.answer_list("Hangup", "ChannelHungup\nChannel: A/1", "ChannelHungup\nChannel: A/2")
        self.assertEqual(self.result(self.ami.hangup("/^A/")), 2)
        self.answer_list("Hangup")
        self.assertEqual(self.result(self.ami.hangup("/^A/")), 0)

    def test_digits_are_played_one_after_the_other(self) -> None:
        self.answer("PlayDTMF", "Message: DTMF successfully queued")
        self.result(self.ami.play_dtmf("A/1", "1#", duration=0.25))
        digit = [("Action", "PlayDTMF"), ("Channel", "A/1"), ("Digit", "1"), ("Duration", "250")]
        self.assertEqual(self.sent(2), [digit, [*digit[:2], ("Digit", "#"), digit[3]]])
        self.answer_error("PlayDTMF", "Channel not found")
        self.assertEqual(self.refusal(self.ami.play_dtmf("A/1", "12", receive=True)), "Channel not found")
        self.assertEqual(self.sent()[0][-2:], [("Digit", "1"), ("Receive", "true")])

    def test_digits_that_there_are_not(self) -> None:
        for digits in ("", "12x", "1 2", "é"):
            self.assertRaises(InvalidAction, self.ami.play_dtmf, "A/1", digits)

    def test_the_absolute_timeout(self) -> None:
        self.answer("AbsoluteTimeout", "Message: Timeout Set")
        self.answer("Setvar", "Message: Variable Set")
        self.assertIsNone(self.result(self.ami.absolute_timeout("A/1", 90.5)))
        self.assertEqual(self.sent()[0][-1], ("Timeout", "90.500"))
        self.assertIsNone(self.result(self.ami.absolute_timeout("A/1", None)))
        self.assertEqual(self.sent()[0][-2:], [("Variable", "TIMEOUT(absolute)"), ("Value", "0")])

    def test_a_value_that_cannot_be_sent(self) -> None:
        self.assertRaises(InvalidAction, self.ami.set_variable, "X", "\tblank", "A/1")
        self.assertRaises(InvalidAction, self.ami.set_variable, "X", "two\nlines", "A/1")

    def test_a_repr_shows_no_variables(self) -> None:
        event = Event(b"Event: CoreShowChannel\r\nChannel: A/1\r\nChanVariable: PIN=s3cret")
        self.assertEqual(Channel.from_event(event).variables, {"PIN": "s3cret"})
        self.assertNotIn("s3cret", repr(Channel.from_event(event)))


class TransferTests(ActionCase):
    def test_redirect(self) -> None:
        self.answer("Redirect", "Message: Redirect successful")
        self.result(self.ami.redirect("A/1", "default", 100, "label"))
        self.assertEqual(
            self.sent()[0][1:], [("Channel", "A/1"), ("Context", "default"), ("Exten", "100"), ("Priority", "label")]
        )
        self.result(self.ami.redirect("A/1", "default", 100, extra_channel="A/2", extra_context="c", extra_exten=2))
        extra = [("ExtraChannel", "A/2"), ("ExtraContext", "c"), ("ExtraExten", "2"), ("ExtraPriority", "1")]
        self.assertEqual(self.sent()[0][5:], extra)
        self.result(self.ami.redirect("A/1", "default", 100, extra_channel="A/2"))
        self.assertEqual(self.sent()[0][5:], extra[:1])

    def test_a_bridge_is_asked_for_by_names(self) -> None:
        self.answer_list("Status", f"Status\nPrivilege: Call\n{SNAPSHOT.format('')}")
        self.answer("Bridge", "Message: Channels have been bridged")
        self.result(self.ami.bridge("1.1", "PJSIP/bob-00000002", "both"))
        channels = [("Channel1", "PJSIP/alice-00000001"), ("Channel2", "PJSIP/bob-00000002"), ("Tone", "both")]
        self.assertEqual(self.sent()[0][1:], channels)
        self.answer_error("Status", "No such channel")
        self.assertEqual(self.refusal(self.ami.bridge("1.1", "2.2")), "No such channel")

    def test_bridges(self) -> None:
        kind = "BridgeType: basic\nBridgeTechnology: simple_bridge\nBridgeCreator: <unknown>\nBridgeName: <unknown>"
        item = f"BridgeListItem\nBridgeUniqueid: b1\n{kind}"
        self.answer_list("BridgeList", item)
        self.answer_list("BridgeInfo", f"BridgeInfoChannel\n{SNAPSHOT.format('')}")
        bridges = self.result(self.ami.bridges())
        bridge = bridges["b1"]
        self.assertEqual(bridge, Bridge("b1", "basic", "simple_bridge", "", "", bridge.channels, Event(b"")))
        (channel,) = bridge.channels.values()
        self.assertEqual((channel.name, channel.bridge_id), ("PJSIP/alice-00000001", "b1"))
        self.answer_error("BridgeInfo", "Specified BridgeUniqueid not found")
        self.assertEqual(self.result(self.ami.bridges()), {})
        self.answer_error("BridgeInfo", "Permission denied")
        self.assertEqual(self.refusal(self.ami.bridges()), "Permission denied")


class ConferenceTests(ActionCase):
    def test_conferences(self) -> None:
        self.answer_list(
            "ConfbridgeListRooms",
            "ConfbridgeListRooms\nConference: room1\nParties: 2\nMarked: 1\nLocked: Yes\nMuted: No",
        )
        (room,) = self.result(self.ami.conferences()).values()
        self.assertEqual((room.name, room.parties, room.marked), ("room1", 2, 1))
        self.assertEqual((room.locked, room.muted), (True, False))
        self.answer_error("ConfbridgeListRooms", "No active conferences.")
        self.assertEqual(self.result(self.ami.conferences()), {})

    def test_members(self) -> None:
        flags = "Conference: room1\nAdmin: Yes\nMarkedUser: No\nWaiting: Yes\nMuted: No\nTalking: Yes\nAnsweredTime: 7"
        self.answer_list("ConfbridgeList", f"ConfbridgeList\n{flags}\n{SNAPSHOT.format('')}")
        (member,) = self.result(self.ami.conference_members("room1")).values()
        self.assertEqual(member.channel.caller_id_name, "O'Brien")
        self.assertEqual((member.admin, member.marked, member.waiting), (True, False, True))
        self.assertEqual((member.muted, member.talking, member.duration), (False, True, 7))
        for message in ("No Conference by that name found.", "No active conferences."):
            self.answer_error("ConfbridgeList", message)
            self.assertEqual(self.result(self.ami.conference_members("room1")), {})


class ParkingTests(ActionCase):
    def test_parked_calls(self) -> None:
        more = "ParkerDialString: PJSIP/bob\nParkinglot: default\nParkingSpace: 701"
        more += "\nParkingTimeout: 40\nParkingDuration: 5"
        self.answer_list("ParkedCalls", f"ParkedCall\n{SNAPSHOT.format('Parkee')}\n{more}")
        (call,) = self.result(self.ami.parked_calls())
        self.assertEqual((call.space, call.lot, call.parker), (701, "default", "PJSIP/bob"))
        self.assertEqual((call.time_left, call.parked_for), (40, 5))
        self.assertEqual((call.channel.uniqueid, call.channel.variables), ("1.1", {"CALLTAG": "it's"}))

    def test_park(self) -> None:
        self.answer("Park", "Message: Park successful\n")
        self.assertIsNone(self.result(self.ami.park("A/1", space=703, park_time=1.5)))
        self.assertEqual(self.sent()[0][1:], [("Channel", "A/1"), ("ParkingSpace", "703"), ("Timeout", "1500")])


class RecordingTests(ActionCase):
    def test_the_id(self) -> None:
        self.answer("MixMonitor", "MixMonitorID: 0x7f")
        self.assertEqual(self.result(self.ami.mixmonitor("A/1", "a.wav", options="b", command="true")), "0x7f")
        sent = [("Channel", "A/1"), ("File", "a.wav"), ("Options", "bi(TXAMI_MIXMONITOR)"), ("Command", "true")]
        self.assertEqual(self.sent()[0][1:], sent)
        self.answer("MixMonitor", "")
        self.assertEqual(self.result(self.ami.mixmonitor("A/1", "a.wav", options="i(MINE)")), "")
        self.assertEqual(self.sent()[0][-1], ("Options", "i(MINE)"))

    def test_nothing_is_smuggled_into_the_command(self) -> None:
        for file, options in (("a.wav,,touch x", ""), ("a.wav", "b,touch x")):
            with self.assertRaises(InvalidAction):
                self.ami.mixmonitor("A/1", file, options=options)
