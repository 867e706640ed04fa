"""Database, endpoints, states, dialplan, voicemail and the server: what is found, and what is sent."""

from __future__ import annotations

from datetime import datetime

from tests.actions import ActionCase
from tests.network import network
from txami import IAMI, AMIService, Event, InvalidAction
from txami.actions import Contact
from txami.actions.base import ActionBase

UNKNOWN = "Invalid/unknown command: {}. Use Action: ListCommands to show available commands."


class DatabaseTests(ActionCase):
    def test_a_value(self) -> None:
        self.answer_list("DBGet", "DBGetResponse\nFamily: f\nKey: k\nVal: v")
        self.assertEqual(self.result(self.ami.db_get("f", "k")), "v")
        self.answer_error("DBGet", "Database entry not found")
        self.assertIsNone(self.result(self.ami.db_get("f", "k")))
        self.answer_error("DBGet", "Permission denied")
        self.assertEqual(self.refusal(self.ami.db_get("f", "k")), "Permission denied")

    def test_a_value_of_an_old_server(self) -> None:
        # Before 13.2: no EventList, and DBGetResponse is what ends the reply.
        net = network("1.1")
        ami = AMIService(net.clock, net, "admin", "hush", ping_interval=None)
        ami.startService()
        net.accept()
        response = "Response: Success\nActionID: {ActionID}\nMessage: Result will follow"
        events = "Event: DBGetResponse\nFamily: f\nKey: k\nVal: v\nActionID: {ActionID}"
        net.server.answer("DBGet", f"{response}\n\n{events}\n\nEvent: DBGetComplete\nActionID: {{ActionID}}")
        asked = ami.db_get("f", "k")
        net.flush()
        self.assertEqual(self.successResultOf(asked), "v")

    def test_a_value_that_is_cut(self) -> None:
        long = "ü" * 300
        self.answer_list("DBGet", f"DBGetResponse\nVal: {long.encode()[:255].decode(errors='surrogateescape')}")
        self.answer_list("DBGetTree", f"DBGetTreeResponse\nKey: /f/k\nVal: {long}")
        self.assertEqual(self.result(self.ami.db_get("f", "k")), long)

    def test_deleting(self) -> None:
        for action, delete, message in (
            ("DBDel", lambda: self.ami.db_delete("f", "k"), "Database entry could not be deleted"),
            ("DBDel", lambda: self.ami.db_delete("f", "k"), "Database entry not found"),
            ("DBDelTree", lambda: self.ami.db_delete_tree("f"), "Database entry not found"),
        ):
            self.answer(action, "Message: deleted successfully")
            self.assertTrue(self.result(delete()))
            self.answer_error(action, message)
            self.assertFalse(self.result(delete()))
            self.answer_error(action, "Permission denied")
            self.assertEqual(self.refusal(delete()), "Permission denied")

    def test_a_tree_has_only_what_was_asked_for(self) -> None:
        paths = ("/a_b/k", "/A_B/k", "/axb/k", "/a_b/k/l", "/a_b/kk")
        self.answer_list("DBGetTree", *(f"DBGetTreeResponse\nKey: {path}\nVal: {path}" for path in paths))
        self.assertEqual(self.result(self.ami.db_tree("a_b")), {"k": "/a_b/k", "k/l": "/a_b/k/l", "kk": "/a_b/kk"})
        self.assertEqual(self.result(self.ami.db_tree("a_b", "k")), {"k": "/a_b/k", "k/l": "/a_b/k/l"})
        self.assertEqual(self.result(self.ami.db_tree()).keys(), {path[1:] for path in paths})
        self.assertRaises(InvalidAction, self.ami.db_tree, None, "k")

    def test_a_tree_of_an_old_server(self) -> None:
        self.answer_error("DBGetTree", UNKNOWN.format("DBGetTree"))
        lines = [f"{'/f g/k: l':50}: {': v':25}", f"/f g/{'k' * 60}: v", "2 results found."]
        self.net.server.commands['database show "f g"'] = "\n".join(lines)
        self.assertEqual(self.result(self.ami.db_tree("f g")), {"k: l": ": v", "k" * 60: "v"})
        self.net.server.commands["database show"] = f"{'/f/k':50}: v\n/f/broken"
        self.assertEqual(self.result(self.ami.db_tree()), {"f/k": "v"})


class EndpointTests(ActionCase):
    def test_endpoints(self) -> None:
        item = (
            "EndpointList\nObjectName: alice\nTransport: udp\nAor: alice,home\nAuths: alice\nContacts: alice/sip:a@h,"
        )
        self.answer_list("PJSIPShowEndpoints", f"{item}\nDeviceState: In use\nActiveChannels: 2")
        alice = self.result(self.ami.endpoints())["alice"]
        self.assertEqual((alice.state, alice.active_channels, alice.transport), ("In use", 2, "udp"))
        self.assertEqual((alice.aors, alice.auths, alice.contacts), (("alice", "home"), ("alice",), ("alice/sip:a@h",)))
        self.answer_error("PJSIPShowEndpoints", "No endpoints found\n")
        self.assertEqual(self.result(self.ami.endpoints()), {})

    def test_no_password_is_shown(self) -> None:
        self.answer_list(
            "PJSIPShowEndpoint",
            "EndpointDetail\nObjectName: alice\nDeviceState: In use",
            "AuthDetail\nObjectName: alice\nPassword: swordfish",
            "IdentifyDetail\nObjectName: alice-identify",
        )
        detail = self.result(self.ami.endpoint("alice"))
        assert detail is not None
        self.assertEqual(detail.auths[0]["Password"], "swordfish")
        self.assertEqual([event["ObjectName"] for event in detail.identifies], ["alice-identify"])
        self.assertNotIn("swordfish", f"{detail!r} {detail.auths}")
        self.answer_error("PJSIPShowEndpoint", "Unable to retrieve endpoint bob\n")
        self.assertIsNone(self.result(self.ami.endpoint("bob")))

    def test_contacts_of_both_kinds(self) -> None:
        self.answer_list(
            "PJSIPShowContacts",
            "ContactList\nObjectName: alice;@c0ffee\nEndpoint: alice\nUri: sip:a@h\nUserAgent: phone\n"
            "ExpirationTime: 1700000000\nStatus: Reachable\nRoundtripUsec: 2500",
        )
        expected = Contact("alice", "alice", "sip:a@h", "Reachable", 0.0025, "phone", 1700000000, Event(b""))
        self.assertEqual(self.result(self.ami.contacts()), [expected])
        self.answer_list(
            "PJSIPShowRegistrationInboundContactStatuses",
            "ContactStatusDetail\nAOR: alice\nURI: sip:a@h\nUserAgent: phone\nRegExpire: 1700000000\n"
            "Status: Reachable\nRoundtripUsec: 2500\nEndpointName: alice\nID: alice;@c0ffee",
        )
        self.assertEqual(self.result(self.ami.inbound_registrations()), [expected])
        self.answer_error("PJSIPShowContacts", "No Contacts found\n")
        self.assertEqual(self.result(self.ami.contacts()), [])

    def test_outbound_registrations(self) -> None:
        self.answer_list(
            "PJSIPShowRegistrationsOutbound",
            "OutboundRegistrationDetail\nObjectName: trunk\nClientUri: sip:me@h\nServerUri: sip:h\nStatus: Rejected\n"
            "NextReg: 12",
            "AuthDetail\nObjectName: trunk\nPassword: swordfish",
        )
        registrations = self.result(self.ami.outbound_registrations())
        trunk = registrations.pop("trunk")
        self.assertEqual((trunk.status, trunk.server_uri, trunk.client_uri), ("Rejected", "sip:h", "sip:me@h"))
        self.assertEqual((trunk.next_attempt, registrations), (12, {}))

    def test_notify(self) -> None:
        self.answer("PJSIPNotify", "Message: NOTIFY sent")
        self.result(self.ami.endpoint_notify("alice", "check-sync", {"Content": "x=y"}))
        self.assertEqual(
            self.sent()[0][1:], [("Endpoint", "alice"), ("Variable", "Event=check-sync"), ("Variable", "Content=x=y")]
        )

    def test_peers(self) -> None:
        common = "ChanObjectType: peer\nIPport: 0\nDynamic: yes\nStatus: UNKNOWN"
        self.answer_list("SIPpeers", f"PeerEntry\nChanneltype: SIP\nObjectName: sally\nIPaddress: -none-\n{common}")
        sally = self.result(self.ami.sip_peers())["sally"]
        self.assertEqual((sally.technology, sally.address, sally.port, sally.dynamic), ("SIP", "", None, True))
        self.answer_list("IAXpeers", f"PeerEntry\nChanneltype: IAX2\nObjectName: iris\nIPaddress: (null)\n{common}")
        iris = self.result(self.ami.iax_peers())["iris"]
        self.assertEqual((iris.address, iris.port, iris.status), ("", None, "UNKNOWN"))
        self.answer("SIPshowpeer", "ObjectName: sally")
        detail = self.result(self.ami.sip_peer("sally"))
        assert detail is not None
        self.assertEqual(detail["ObjectName"], "sally")
        self.answer_error("SIPshowpeer", "Peer sally not found.")
        self.assertIsNone(self.result(self.ami.sip_peer("sally")))


class StateTests(ActionCase):
    def test_extensions(self) -> None:
        self.answer(
            "ExtensionState", "Exten: 100\nContext: default\nHint: PJSIP/a\nStatus: 9\nStatusText: InUse&Ringing"
        )
        state = self.result(self.ami.extension_state(100, "default"))
        self.assertEqual((state.exten, state.status, state.text), ("100", 9, "InUse&Ringing"))
        self.answer_error("ExtensionStateList", "No dialplan hints are available")
        self.assertEqual(self.result(self.ami.extension_states()), [])

    def test_presence(self) -> None:
        self.answer(
            "PresenceState",
            "Message: Presence State\nState: away\nSubtype: lunch\nMessage: it's\nPresenceMessage: it's",
        )
        self.answer_list(
            "PresenceStateList",
            "PresenceStateChange\nPresentity: CustomPresence:a\nStatus: away\nSubtype: lunch\nMessage: it\\'s",
        )
        one = self.result(self.ami.presence("CustomPresence:a"))
        self.assertEqual((one.state, one.subtype, one.message), ("away", "lunch", "it's"))
        self.assertEqual(self.result(self.ami.presences()), {"CustomPresence:a": one})


class DialplanTests(ActionCase):
    def test_entries(self) -> None:
        self.answer_list(
            "ShowDialPlan",
            "ListDialplan\nContext: c\nExtension: 1\nPriority: hint\nApplication: PJSIP/a\nRegistrar: r",
            "ListDialplan\nContext: c\nExtension: 1\nExtensionLabel: go\nPriority: 2\nApplication: Wait\nAppData: 5",
            "ListDialplan\nContext: c\nIncludeContext: d\nRegistrar: r",
            "ListDialplan\nContext: c\nSwitch: IAX2/other\nRegistrar: r",
            "ListDialplan\nContext: c\nIgnorePattern: 9\nRegistrar: r",
        )
        entries = self.result(self.ami.dialplan("c"))
        self.assertEqual(
            [(entry.kind, entry.priority, entry.label, entry.application, entry.data) for entry in entries],
            [
                ("hint", None, "", "", "PJSIP/a"),
                ("step", 2, "go", "Wait", "5"),
                ("include", None, "", "", "d"),
                ("switch", None, "", "", "IAX2/other"),
                ("ignore pattern", None, "", "", "9"),
            ],
        )
        for message in ("Did not find context c", "Did not find extension 1@c"):
            self.answer_error("ShowDialPlan", message)
            self.assertEqual(self.result(self.ami.dialplan("c", 1)), [])


class VoicemailTests(ActionCase):
    def test_mailboxes(self) -> None:
        self.answer("MailboxStatus", "Mailbox: 100@default\nWaiting: 1")
        self.assertTrue(self.result(self.ami.mailbox_status("100@default")))
        self.answer("MailboxCount", "Mailbox: 100@default\nUrgMessages: 1\nNewMessages: 2\nOldMessages: 3")
        count = self.result(self.ami.mailbox_count("100@default"))
        self.assertEqual((count.mailbox, count.urgent, count.new, count.old), ("100@default", 1, 2, 3))
        self.answer("VoicemailUsersList", "Message: There are no voicemail users currently defined.")
        self.assertEqual(self.result(self.ami.voicemail_users()), {})


class ServerTests(ActionCase):
    def test_a_ping(self) -> None:
        waiting = self.ami.ping()
        self.net.clock.advance(0.25)
        self.assertEqual(self.result(waiting), 0.25)

    def test_commands(self) -> None:
        self.answer(
            "ListCommands", "Ping: Keep.  (Priv: <none>)\nHangup: Hang (up).  (Priv: system,call,all)\nOdd: without"
        )
        self.assertEqual(self.result(self.ami.commands()), {"Ping": (), "Hangup": ("system", "call")})

    def test_status(self) -> None:
        self.answer(
            "CoreStatus",
            "CoreStartupDate: 2026-01-02\nCoreStartupTime: 03:04:05\nCoreReloadDate: -\nCoreCurrentCalls: 3",
        )
        status = self.result(self.ami.core_status())
        self.assertEqual((status.started, status.reloaded), (datetime(2026, 1, 2, 3, 4, 5), None))
        self.assertEqual((status.current_calls, status.processed_calls), (3, None))

    def test_settings(self) -> None:
        self.answer(
            "CoreSettings",
            "AMIversion: 11.0.0\nAsteriskVersion: 22.10.1\nSystemName: pbx\nCoreMaxCalls: 100\nCoreMaxLoadAvg: 2.5\n"
            "CoreRealTimeEnabled: No\nCoreCDRenabled: Yes\nCoreHTTPenabled: No",
        )
        settings = self.result(self.ami.core_settings())
        self.assertEqual((settings.max_calls, settings.max_load), (100, 2.5))
        self.assertEqual((settings.realtime, settings.cdr, settings.http), (False, True, False))

    def test_modules(self) -> None:
        self.answer("ModuleLoad", "Message: Module loaded.")
        for name in ("app_queue", "app_queue.so"):
            self.assertIsNone(self.result(self.ami.module_load(name)))
            self.assertEqual(self.sent()[0][1:], [("Module", "app_queue.so"), ("LoadType", "load")])
        self.answer("ModuleCheck", "Version: ")
        self.assertTrue(self.result(self.ami.module_check("app_queue")))
        self.answer_error("ModuleCheck", "Module not loaded")
        self.assertFalse(self.result(self.ami.module_check("app_queue")))
        self.answer_error("ModuleCheck", "Permission denied")
        self.assertEqual(self.refusal(self.ami.module_check("app_queue")), "Permission denied")

    def test_a_file(self) -> None:
        self.answer(
            "GetConfig",
            "Category-000000: phone\nIsTemplate-000000: 1\nLine-000000-000000: secret=swordfish\n"
            "Category-000001: alice\nTemplates-000001: phone,other\nLine-000001-000000: Allow=ulaw\n"
            "Line-000001-000001: allow=a=b\nCategory-000002: alice",
        )
        phone, alice, empty = self.result(self.ami.get_config("sip.conf"))
        self.assertEqual((phone.is_template, phone.templates), (True, ()))
        self.assertEqual((alice.is_template, alice.templates), (False, ("phone", "other")))
        self.assertEqual((alice.get("allow"), alice.get_all("allow")), ("a=b", ["ulaw", "a=b"]))
        self.assertEqual((empty.name, empty.lines, empty.get("x"), empty.get("x", "y")), ("alice", [], None, "y"))
        self.assertNotIn("swordfish", repr(phone))
        self.answer("GetConfig", "No categories found")
        self.assertEqual(self.result(self.ami.get_config("sip.conf", "nobody")), [])

    def test_a_user_event(self) -> None:
        events: list[Event] = []
        self.ami.on("UserEvent", events.append)
        self.result(self.ami.user_event("Dialled", {"X-Campaign": 7}))
        self.assertEqual((events[0]["UserEvent"], events[0]["X-Campaign"]), ("Dialled", "7"))


class InterfaceTests(ActionCase):
    def test_the_interface_has_every_method(self) -> None:
        methods = {
            name
            for each in type(self.ami).__mro__
            if issubclass(each, ActionBase) and each.__module__.startswith("txami.actions.")
            for name in vars(each)
            if not name.startswith("_") and callable(getattr(each, name))
        }
        self.assertEqual(methods - set(IAMI.names()), {"link", "remember_filter", "remember_mask"})
