"""Records: what ``dataclass(frozen=True)`` promises, for each class that is made otherwise."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

import txami
import txami.actions
from txami import AGIResult, Event, Gap, Health, Login, Outcome, Secret, Stats, Timeouts
from txami.actions import Channel, MailboxCount
from txami.records import record
from txami.selection import EventFilter


class Theirs:
    """The standard library's, as the measure."""

    @dataclass(frozen=True)
    class Thing:
        """A thing."""

        name: str
        size: int = 3
        parts: list[str] = field(default_factory=list, compare=False)
        hidden: str = field(default="h", repr=False, compare=False)


class Ours:
    """Ours."""

    @record(frozen=True)
    class Thing:
        """A thing."""

        name: str
        size: int = 3
        parts: list[str] = field(default_factory=list, compare=False)
        hidden: str = field(default="h", repr=False, compare=False)


def records() -> Iterator[type]:
    """Return all classes of the API that are dataclasses."""
    for module in (txami, txami.actions):
        for name in module.__all__:
            found = getattr(module, name)
            if isinstance(found, type) and dataclasses.is_dataclass(found) and found is not txami.Counters:
                yield found
    yield EventFilter


RECORDS = list(records())


def made(cls: type) -> Any:
    """Make one, with a text or what else it insists on for each field."""
    if cls is EventFilter:
        return EventFilter("include", "Hangup")
    if cls is Login:
        return Login("admin", Secret("s3cret"))
    needed = [each.name for each in dataclasses.fields(cls) if each.init and _is_needed(each)]
    return cls(**dict.fromkeys(needed, "x"))


def _is_needed(each: dataclasses.Field[Any]) -> bool:
    return each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING


def test_there_are_all() -> None:
    assert {AGIResult, Channel, Gap, Health, Login, MailboxCount, Outcome, Stats, Timeouts} < set(RECORDS)
    assert len(RECORDS) > 25


@pytest.mark.parametrize("cls", RECORDS)
def test_nothing_of_it_can_be_changed(cls: type) -> None:
    one = made(cls)
    before = dict(vars(one))
    for each in dataclasses.fields(cls):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{each.name}'"):
            setattr(one, each.name, "other")
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{each.name}'"):
            delattr(one, each.name)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'nonsense'"):
        one.nonsense = 1
    assert vars(one) == before


@pytest.mark.parametrize("cls", RECORDS)
def test_it_is_shown_compared_and_hashed_as_by_the_standard_library(cls: type) -> None:
    same_fields = [
        (each.name, object, field(default=None, repr=each.repr, compare=each.compare))
        for each in dataclasses.fields(cls)
    ]
    one, other = made(cls), dataclasses.make_dataclass(cls.__name__, same_fields, frozen=True)()
    vars(other).update(vars(one))
    assert repr(one) == repr(other)
    assert _hash(one) == _hash(other)
    assert one == copy.copy(one)
    assert one != other


def _hash(one: object) -> int | str:
    try:
        return hash(one)
    except TypeError as error:
        return str(error)


def test_a_field_tells_two_apart_unless_it_is_not_compared() -> None:
    assert Ours.Thing("a") == Ours.Thing("a", 3, ["p"], hidden="other")
    assert hash(Ours.Thing("a")) == hash(Ours.Thing("a", 3, ["p"], hidden="other"))
    assert Ours.Thing("a") != Ours.Thing("b")
    assert Ours.Thing("a") != Ours.Thing("a", 4)
    assert len({Ours.Thing("a"), Ours.Thing("a"), Ours.Thing("b")}) == 2
    assert Ours.Thing("a").__eq__(3) is NotImplemented


def test_it_is_made_as_the_standard_library_makes_it() -> None:
    assert inspect.signature(Ours.Thing) == inspect.signature(Theirs.Thing)
    assert inspect.getdoc(Ours.Thing) == "A thing."
    assert repr(Ours.Thing("a")) == "Ours.Thing(name='a', size=3, parts=[])"
    assert Ours.Thing("a").parts is not Ours.Thing("a").parts
    wrong: tuple[tuple[Any, ...], ...] = ((), ("a", 1, [], "h", "too many"))
    for arguments in wrong:
        said = []
        for cls in (Ours.Thing, Theirs.Thing):
            with pytest.raises(TypeError) as caught:
                cls(*arguments)
            said.append(str(caught.value).replace("Ours", "Theirs"))
        assert said[0] == said[1]


def test_what_works_on_dataclasses_works_on_it() -> None:
    mine = dataclasses.replace(Timeouts(), ping=2.0)
    assert (mine, mine.ping) == (Timeouts(ping=2.0), 2.0)
    assert dataclasses.asdict(Ours.Thing("a")) == {"name": "a", "size": 3, "parts": [], "hidden": "h"}
    match Outcome("busy", Event(b"Event: OriginateResponse\r\n\r\n")):
        case Outcome("busy", event):
            assert event.name == "OriginateResponse"
        case _:
            pytest.fail("it matches no pattern")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_can_be_stored_and_copied(protocol: int) -> None:
    mine = Timeouts(ping=2.0)
    for other in (pickle.loads(pickle.dumps(mine, protocol)), copy.copy(mine), copy.deepcopy(mine)):
        assert (other, hash(other), other is mine) == (mine, hash(mine), False)
        with pytest.raises(FrozenInstanceError):
            other.ping = 3.0  # type: ignore[misc]


def test_there_is_none_that_is_not_frozen() -> None:
    with pytest.raises(AssertionError):
        record(frozen=False)
