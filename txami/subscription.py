""":class:`Subscription`: one observer, and which events it wishes for."""

from __future__ import annotations

import fnmatch
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from typing import Any, Protocol

from .message import Event, decode

Observer = Callable[[Event], object]
#: ``None`` for all events, a name, a glob such as ``Queue*``, or several of these.  Case does not matter.
Names = str | Iterable[str] | None
#: A function of the event, or a mapping of headers to the value (or values) that they must have.
Where = Callable[[Event], object] | Mapping[str, object] | None


class Registry(Protocol):
    """What holds subscriptions."""

    def add(self, subscription: Subscription) -> None:
        """Let a subscription take part."""

    def remove(self, subscription: Subscription) -> None:
        """Undo that."""


class Subscription:
    """
    One observer's wish.

    Made without an observer it is a decorator for one; with it, calling the subscription calls the observer,
    so that a decorated function stays usable and has a ``cancel()``.  It takes no second one.

    :ivar active: whether it still stands.
    """

    __slots__ = (
        "_registry",
        "active",
        "fallback",
        "is_plain",
        "names",
        "observer",
        "once",
        "patterns",
        "serial",
        "where",
    )

    def __init__(
        self,
        registry: Registry,
        names: Names,
        observer: Observer | None,
        where: Where,
        *,
        once: bool = False,
        fallback: bool = False,
    ) -> None:
        self.names, self.patterns = _split_names(names)
        self.where = _predicate(where)
        self.once = once
        self.fallback = fallback
        # Called for every event of its names, as most are: the one thing to look at for each event.
        self.is_plain = where is None and not once and not fallback
        self.serial = next(_serials)
        self.observer = observer
        self.active = observer is not None
        self._registry = registry
        if self.active:
            registry.add(self)

    def cancel(self) -> None:
        """Observe no more.  Can be called at any time and more than once."""
        if self.active:
            self.active = False
            self._registry.remove(self)

    def admits(self, event: Event) -> bool:
        """Tell whether the event is one of those that are wished for; if it is the only one, this is the end."""
        if self.where is not None and not self.where(event):
            return False
        if self.once:
            self.cancel()
        return True

    def __call__(self, subject: Any) -> Any:
        if self.observer is not None:
            # A function is no event: a decorator that was kept and is used once more.
            if inspect.isroutine(subject):
                raise TypeError(f"{self!r} has its observer: for {subject.__qualname__}(), call on() once more")
            return self.observer(subject)
        self.observer = subject
        self.active = True
        self._registry.add(self)
        return self

    def __repr__(self) -> str:
        state = "" if self.active else ", not active"
        return f"<Subscription of {name_of(self.observer)}{state}>"


_serials = count()


def _split_names(names: Names) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Return the plain names, folded, and a pattern for each glob."""
    if names is None:
        names = ("*",)
    elif isinstance(names, str) or not isinstance(names, Iterable):
        names = (names,)
    plain, patterns = set(), []
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{name!r} is not the name of an event")
        folded = name.lower()
        if any(character in folded for character in "*?["):
            patterns.append(re.compile(fnmatch.translate(folded)))
        else:
            plain.add(folded)
    if not plain and not patterns:
        raise ValueError("no event is named; use None for all events")
    return frozenset(plain), tuple(patterns)


def _predicate(where: Where) -> Callable[[Event], object] | None:
    """Turn a mapping of headers to values into a function of the event."""
    if where is None or callable(where):
        return where
    wanted = [(name, _alternatives(value)) for name, value in where.items()]

    def matches(event: Event) -> bool:
        for name, values in wanted:
            if event.get(name) not in values and values.isdisjoint(event.get_all(name)):
                return False
        return True

    return matches


def _alternatives(value: object) -> frozenset[str]:
    """Return the texts that a header may have."""
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)):
        return frozenset(map(_text, value))
    return frozenset({_text(value)})


def _text(value: object) -> str:
    return decode(value) if isinstance(value, bytes) else str(value)


def name_of(observer: object) -> str:
    """Return what a log should call an observer."""
    return str(getattr(observer, "__qualname__", None) or type(observer).__qualname__)
