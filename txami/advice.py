"""A word to those who misspell a header: Asterisk ignores a header that it does not know, and says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from twisted.logger import Logger

_log: Final = Logger()

#: How many warnings a process gives: names made up at run time must fill neither its memory nor its log.
_LIMIT: Final = 1000

#: Headers that Asterisk reads in every action (``main/manager.c: process_message``).
_UNIVERSAL: Final = ("SuppressEvents",)

#: Action and header, in lower case, of each warning given.
_given: Final[set[tuple[str, str]]] = set()


def warn_of_unknown_headers(action: str, headers: Sequence[tuple[str, object]]) -> None:
    """
    Log a warning, once for each, of headers that no version of Asterisk reads in an action.

    :param action: its name; nothing is said about an action that is not in the catalogue.
    :param headers: names and values; no value is shown, for it may be a secret.
    """
    known = _headers_of(action) if headers else None
    if known is not None:
        for header, _ in headers:
            if header.lower() not in known:
                _warn(action, header, known)


@lru_cache(maxsize=512)
def _headers_of(action: str) -> frozenset[str] | None:
    """Return the headers that an action knows, in lower case; ``None`` if it may have any."""
    # With the first header that is sent, and not with the package.
    from . import catalogue

    info = catalogue.action(action)
    if info is None or info.free:
        return None
    # "UnitAmount(0)" stands for all numbers.
    names = (header.partition("(")[0] for header in (*info.required, *info.optional, *_UNIVERSAL))
    return frozenset(name.lower() for name in names)


def _warn(action: str, header: str, known: frozenset[str]) -> None:
    from . import catalogue

    warning = action.lower(), header.lower()
    if warning in _given or len(_given) >= _LIMIT or warning[1].partition("(")[0] in known:
        return
    _given.add(warning)
    info = catalogue.action(action)
    nearest = catalogue.nearest(header, (*info.required, *info.optional)) if info is not None else None
    hint = f"is it {nearest!r}?" if nearest else f"see 'txami actions {action}'"
    _log.warn("{action} does not know the header {header!r}; {hint}", action=action, header=header, hint=hint)
