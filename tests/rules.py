"""The rules of the model: what users ask for, and what the server sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.machine import TIMEOUTS, Machine, numbers, pieces
from tests.model import EPSILON, Ask, Fault, Link, Stream, Watch, message
from txami import Event

EVENTS: Final = ("Alpha", "Alpha", "ALPHA", "Beta")
NAMES: Final = (None, "Alpha", "alpha", "alph*", ("Beta", "Alpha"), ("beta", "*a"), "Delta")
ACTIONS: Final = ("Single", "List", "Command", "FAXSession", "SKINNYshowline")


class Replying(Machine):
    """Actions, and what is sent in reply to them or is for nobody."""

    @precondition(lambda self: self.ami is not None)
    @rule(
        names=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
        timeout=st.sampled_from(TIMEOUTS),
        check=st.booleans(),
    )
    def ask(self, names: list[str], timeout: float | None, check: bool) -> None:
        """Send actions."""
        for name in names:
            self._ask(name, timeout, check)

    def _ask(self, name: str, timeout: float | None, check: bool) -> None:
        deadline = None if timeout is None else self.clock.seconds() + timeout
        ask = Ask(len(self.asks), name, deadline, check)
        self.asks.append(ask)
        self.open_asks.append(ask)
        if self.over is not None and self.link is None:
            ask.expect(self.over)
        ask.watch(self.ami.action(name, timeout=timeout, check=check, Token=ask.token))

    @precondition(lambda self: self.open_asks)
    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        """Give up an action."""
        ask = self.open_asks[number % len(self.open_asks)]
        ask.expect("CancelledError")
        ask.deferred.cancel()

    # -- replies ---------------------------------------------------------------------------------------

    def _sent(self, number: int, names: tuple[str, ...]) -> tuple[Link, Ask] | None:
        """Choose an action that the server has read, still waited for or not."""
        link = self.link
        asks = [ask for ask in self.asks if ask.link is link and ask.name in names] if link is not None else []
        # Rather one that is waited for.
        asks = [ask for ask in asks if ask.open] * 3 + asks
        return (link, asks[number % len(asks)]) if link is not None and asks else None

    def _send(self, link: Link, data: bytes, effect: Callable[[], None], sizes: list[int]) -> None:
        link.queue.append((data, effect))
        link.arrive(sizes)

    def _for(self, ask: Ask, effect: Callable[[], None]) -> Callable[[], None]:
        """Do something with an action unless it is over: then the message is late."""

        def happens() -> None:
            if ask.open:
                effect()
            else:
                self.late += 1

        return happens

    @precondition(lambda self: self.link is not None and self.asks)
    @rule(number=numbers, ok=st.booleans(), sizes=pieces)
    def respond(self, number: int, ok: bool, sizes: list[int]) -> None:
        """Answer with one message, also late or twice."""
        found = self._sent(number, ("Single", "Command", "FAXSession"))
        if found is not None:
            link, ask = found
            output = [f"of {ask.token}", ""] if ask.name == "Command" else []
            data = ask.answer(*(f"Output: {line}" for line in output), response="Success" if ok else "Error")

            def effect() -> None:
                again = ask.response is not None
                ask.response = ask.token
                if ask.name != "FAXSession" or not ok or again:
                    ask.finish(ok, output=output)

            self._send(link, data, self._for(ask, effect), sizes)

    @precondition(lambda self: self.link is not None and self.asks)
    @rule(number=numbers, sizes=pieces)
    def start_list(self, number: int, sizes: list[int]) -> None:
        """Begin a list."""
        found = self._sent(number, ("List",))
        if found is not None and not found[1].announced:
            link, ask = found
            ask.announced = True

            def effect() -> None:
                ask.response, ask.started = ask.token, True

            self._send(link, ask.answer("EventList: start"), self._for(ask, effect), sizes)

    @precondition(lambda self: self.link is not None and self.asks)
    @rule(number=numbers, sizes=pieces)
    def send_item(self, number: int, sizes: list[int]) -> None:
        """Go on with a list, or end what only an event can end."""
        found = self._sent(number, ("List", "FAXSession"))
        if found is not None and (found[1].announced or found[1].name == "FAXSession"):
            link, ask = found
            self.serial += 1
            token = f"{ask.token}.{self.serial}"

            def effect() -> None:
                if ask.name == "FAXSession":
                    ask.finish(completion=token)
                else:
                    ask.items.append(token)

            self._send(link, ask.item(ask.name, token), self._for(ask, effect), sizes)

    @precondition(lambda self: self.link is not None and self.asks)
    @rule(number=numbers, how=st.sampled_from(["Complete", "cancelled", "Error"]), sizes=pieces)
    def end_list(self, number: int, how: str, sizes: list[int]) -> None:
        """End a list, well or not."""
        found = self._sent(number, ("List",))
        if found is not None and found[1].announced:
            link, ask = found
            if how == "Error":
                self._send(link, ask.answer(response="Error"), self._for(ask, lambda: ask.finish(False)), sizes)
            else:
                data = ask.item("ListComplete", ask.token, f"EventList: {how}")
                effect = self._for(ask, lambda: ask.finish(how == "Complete", completion=ask.token))
                self._send(link, data, effect, sizes)

    @precondition(lambda self: self.link is not None and self.link.pings)
    @rule(sizes=pieces)
    def reach_barrier(self, sizes: list[int]) -> None:
        """Answer the ping behind an action that may stay without an answer."""
        link = self.link
        assert link is not None
        ask, key = link.pings.pop(0)

        def effect() -> None:
            if ask.deadline is not None and ask.deadline <= self.clock.seconds() + EPSILON:
                self.late += 1  # the ping has the same timeout
            ask.finish()

        self._send(link, message("Response: Success", f"ActionID: {key}"), effect, sizes)

    @precondition(lambda self: self.link is not None)
    @rule(kind=st.sampled_from(["Response: Success", "Event: Alpha", "Junk"]), number=numbers, sizes=pieces)
    def send_unknown(self, kind: str, number: int, sizes: list[int]) -> None:
        """Send what is for nobody here."""
        link = self.link
        assert link is not None
        self.serial += 1
        lines = [kind, f"ActionID: foreign-{number}", f"Serial: {self.serial}", "Colour: none"]
        if kind.startswith("Event"):
            serial = str(self.serial)
            self._send(link, message(*lines), lambda: self.happens("Alpha", "none", serial), sizes)
        else:
            self._send(link, message(*lines), self._count_unmatched, sizes)

    def _count_unmatched(self) -> None:
        self.unmatched += 1

    @precondition(lambda self: self.link is not None and self.link.queue)
    @rule(sizes=pieces)
    def let_arrive(self, sizes: list[int]) -> None:
        """Let some of what was sent arrive."""
        link = self.link
        assert link is not None
        link.arrive(sizes)


class Rules(Replying):
    """Events, and those who want them."""

    @precondition(lambda self: self.link is not None)
    @rule(
        events=st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(["red", "blue"])), min_size=1, max_size=4),
        stolen=st.one_of(st.none(), numbers),
        sizes=pieces,
    )
    def send_events(self, events: list[tuple[str, str]], stolen: int | None, sizes: list[int]) -> None:
        """Queue events for all, perhaps with the ActionID of an action."""
        for name, colour in events:
            self._send_event(name, colour, stolen)
        self.link.arrive(sizes)  # type: ignore[union-attr]

    def _send_event(self, name: str, colour: str, stolen: int | None) -> None:
        link = self.link
        assert link is not None
        self.serial += 1
        serial = str(self.serial)
        lines = [f"Event: {name}", "Privilege: call,all", f"Serial: {serial}", f"Colour: {colour}"]
        if stolen is not None and self.asks:
            lines.append(f"ActionID: {self.asks[stolen % len(self.asks)].action_id}")
            lines.append("EventList: Complete")
        self._send(link, message(*lines), lambda: self.happens(name, colour, serial), [])

    def happens(self, name: str, colour: str, serial: str) -> None:
        """Work out who is called, in which order."""
        handled = False
        concerned = [watch for watch in self.watches if watch.active and watch.wants(name, colour)]
        for watch in sorted(concerned, key=lambda watch: watch.kind == "unhandled"):
            if not watch.active or (handled and watch.kind == "unhandled"):
                continue
            handled = handled or watch.kind != "unhandled"
            if isinstance(watch, Stream):
                watch.receive(serial)
                continue
            self.expected_log.append((watch.number, serial))
            if watch.kind in ("once", "wait"):
                watch.active = False
            if watch.kind == "wait":
                watch.expect(f"event {serial}")
            if watch.mischief == "cancel":
                self._cancelled_inside(watch)

    def _victims(self, watch: Watch) -> list[Watch]:
        """Return whom an observer cancels: itself, and every third."""
        return [other for other in self.watches if other is watch or other.number % 3 == watch.number % 3]

    def _cancelled_inside(self, watch: Watch) -> None:
        for victim in self._victims(watch):
            self._stop_watching(victim)

    def _stop_watching(self, watch: Watch) -> None:
        if watch.active:
            watch.active = False
            if watch.kind == "wait":
                watch.expect("CancelledError")
            elif isinstance(watch, Stream):
                watch.finish("end")

    @precondition(lambda self: self.ami is not None)
    @rule(
        kind=st.sampled_from(["on", "once", "unhandled"]),
        names=st.sampled_from(NAMES),
        wanted=st.sampled_from([None, "red"]),
        mischief=st.sampled_from(["", "raise", "cancel"]),
    )
    def observe(self, kind: str, names: Any, wanted: str | None, mischief: str) -> None:
        """Observe events, with an observer that does as it likes."""
        if kind == "unhandled":
            names = wanted = None
        watch = Watch(len(self.watches), kind, names, wanted, mischief)

        def observer(event: Event) -> None:
            self.log.append((watch.number, event["Serial"]))
            if mischief == "cancel":
                for victim in self._victims(watch):
                    victim.cancel()
            if mischief == "raise":
                raise Fault

        if kind == "unhandled":
            watch.subscription = self.ami.on_unhandled(observer)
        else:
            add = self.ami.on if kind == "on" else self.ami.once
            watch.subscription = add(names, observer, where={"Colour": wanted} if wanted else None)
        self.watches.append(watch)

    @precondition(lambda self: self.ami is not None)
    @rule(names=st.sampled_from(NAMES), wanted=st.sampled_from([None, "red"]), timeout=st.sampled_from(TIMEOUTS))
    def wait_for(self, names: Any, wanted: str | None, timeout: float | None) -> None:
        """Wait for an event."""
        watch = Watch(len(self.watches), "wait", names, wanted)

        def happened(event: Event) -> Event:
            self.log.append((watch.number, event["Serial"]))
            return event

        where = (lambda event: event.get("Colour") == wanted) if wanted else None
        watch.deadline = None if timeout is None else self.clock.seconds() + timeout
        watch.watch(self.ami.wait_for(names, where, timeout).addCallback(happened))
        self.watches.append(watch)
        if self.ended:
            watch.active = False
            watch.expect(self.no_events)

    @precondition(lambda self: self.ami is not None)
    @rule(
        names=st.sampled_from(NAMES),
        wanted=st.sampled_from([None, "red"]),
        limit=st.integers(1, 3),
        overflow=st.sampled_from(["drop_oldest", "error"]),
    )
    def stream(self, names: Any, wanted: str | None, limit: int, overflow: Any) -> None:
        """Read events one after the other."""
        where = {"Colour": wanted} if wanted else None
        events = self.ami.events(names, where, limit=limit, overflow=overflow)
        watch = Stream(len(self.watches), names, wanted, events, limit, overflow)
        self.watches.append(watch)
        if self.ended:
            watch.finish(self.no_events)

    @precondition(lambda self: self.watches)
    @rule(number=numbers)
    def read(self, number: int) -> None:
        """Read the next event of a stream."""
        streams = [watch for watch in self.watches if isinstance(watch, Stream)]
        if streams:
            streams[number % len(streams)].read()

    @precondition(lambda self: self.watches)
    @rule(number=numbers)
    def unobserve(self, number: int) -> None:
        """Observe, wait or read no more."""
        watch = self.watches[number % len(self.watches)]
        self._stop_watching(watch)
        watch.cancel()
