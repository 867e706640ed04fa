"""The mask and the filters, on real servers, where only Asterisk can tell what it understood."""

from __future__ import annotations

from tests.asterisk.support import AsteriskCase, collect, on_each_server
from txami import ActionError, AMIProtocol, InvalidAction


@on_each_server
class Selection(AsteriskCase):
    async def user_events(self, ami: AMIProtocol, *names: str) -> list[str]:
        """Have somebody else send user events, and return the names of those that came."""
        other = await self.connect()
        events = collect(ami)
        for name in names:
            await other.action("UserEvent", UserEvent=name, Key=f"value of {name}.")
        # Asterisk answers before it sends the event, and its thread for this connection sends events behind answers.
        await other.action("Ping")
        await ami.action("Ping")
        await ami.action("Ping")
        return [event["UserEvent"] for event in events if event.name == "UserEvent"]

    async def test_a_filter_that_excludes(self) -> None:
        ami = await self.connect()
        await ami.add_filter("exclude", event="UserEvent", header="UserEvent", value="B")
        self.assertEqual(await self.user_events(ami, "A", "B", "BB", "C"), ["A", "BB", "C"])

    async def test_a_filter_that_excludes_a_name(self) -> None:
        ami = await self.connect()
        await ami.add_filter("exclude", event="UserEvent")
        self.assertEqual(await self.user_events(ami, "A", "B"), [])

    async def test_filters_that_include(self) -> None:
        for method, value, expected in (
            ("exact", "value of A.", ["A"]),
            ("starts_with", "value of A", ["A", "AB"]),
            ("ends_with", "B.", ["AB", "B"]),
            ("contains", "of A", ["A", "AB"]),
            ("regex", "^value of (A|B).$", ["A", "B"]),
        ):
            ami = await self.connect()
            await ami.add_filter("include", header="Key", value=value, method=method)  # type: ignore[arg-type]
            self.assertEqual((method, await self.user_events(ami, "A", "AB", "B", "C")), (method, expected))

    async def test_who_may_not_filter_is_told(self) -> None:
        ami = await self.connect("caller")
        await self.failure(ami.add_filter("exclude", event="VarSet"), ActionError)

    async def test_filters_and_mask_survive_a_restart(self) -> None:
        server = self.spare()
        service = self.start_service(server)
        await service.add_filter("exclude", event="UserEvent", header="UserEvent", value="B")
        await service.set_event_mask("user, system")
        downs: list[Exception] = []
        service.on_disconnected(downs.append)
        server.restart()
        await self.until(lambda: downs)
        ami = await service.when_ready()
        await self.until(lambda: ami.selection.filters)
        events = collect(service, "UserEvent")
        for name in ("A", "B", "C"):
            await service.action("UserEvent", UserEvent=name)
        await self.until(lambda: len(events) >= 2)
        self.assertEqual([event["UserEvent"] for event in events], ["A", "C"])
        self.assertEqual(ami.selection.mask, "user,system")

    async def test_a_call_whose_outcome_cannot_be_seen_is_not_placed(self) -> None:
        other = await self.connect()
        seen = collect(other, "Newchannel")
        for user, events in (("mute", None), ("admin", "agent"), ("admin", "off")):
            ami = await self.connect(user, events=events)
            placing = ami.originate("Local/100@default", application="Wait", data="1")
            self.assertIn("class 'call'", str(await self.failure(placing, InvalidAction)))
        await self.sleep(0.2)
        self.assertEqual(seen, [])

    async def test_a_dialler_who_may_not_look_it_up_may_place_calls(self) -> None:
        ami = await self.connect("caller")
        call = await ami.originate("Local/101@default", application="Wait", data="1")
        self.assertTrue((await call.outcome).answered)

    async def test_the_events_of_one_call_are_its_own(self) -> None:
        ami = await self.connect()
        first = await ami.originate("Local/101@default/n", application="Wait", data="0.2")
        events = first.events()
        second = await ami.originate("Local/101@default/n", application="Wait", data="0.2")
        seen = [event async for event in events]
        await second.ended
        self.assertEqual(seen[0].name, "Newchannel")
        self.assertIn("Hangup", {event.name for event in seen if event.get("Uniqueid") == first.uniqueid})
        for event in seen:
            self.assertIn(first.uniqueid, [event.get("Uniqueid"), event.get("Linkedid"), event.get("DestLinkedid")])
            self.assertNotIn(second.uniqueid, event.values())
