""":func:`record`: a frozen dataclass that is quick to make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    # ``dataclass(frozen=True)`` writes and compiles six methods for each class, in 0.6 ms, and ``import txami`` makes
    # thirty classes.  Here five of the methods are the same for all, and only __init__ is compiled: 0.15 ms.
    from dataclasses import FrozenInstanceError, dataclass, fields

    def _compared(one: object) -> tuple[object, ...]:
        return tuple([getattr(one, each.name) for each in fields(one) if each.compare])

    class _Methods:
        def __setattr__(self, name: str, value: object) -> None:
            # It is __init__ that sets what is not there yet.
            if name in self.__dict__ or name not in self.__dataclass_fields__:
                raise FrozenInstanceError(f"cannot assign to field {name!r}")
            self.__dict__[name] = value

        def __delattr__(self, name: str) -> None:
            raise FrozenInstanceError(f"cannot delete field {name!r}")

        def __repr__(self) -> str:
            shown = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
            return f"{type(self).__qualname__}({', '.join(shown)})"

        def __eq__(self, other: object) -> bool:
            return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

        def __hash__(self) -> int:
            return hash(_compared(self))

    def record(*, frozen: bool) -> Callable[[type], type]:
        """Return a decorator that does what ``dataclass(frozen=True)`` does; there are no others."""
        assert frozen

        def make(cls: type) -> type:
            for name in ("__setattr__", "__delattr__", "__repr__", "__eq__", "__hash__"):
                setattr(cls, name, vars(_Methods)[name])
            return dataclass(repr=False, eq=False)(cls)

        return make
