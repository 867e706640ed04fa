"""The targets, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import connection, rooms

Target = Callable[[bytes], None]

#: Each takes an input and raises if something does not hold.
TARGETS: Final[dict[str, Target]] = {
    "framer": rooms.framer,
    "message": rooms.message,
    "wire": rooms.wire,
    "replies": rooms.replies,
    "agi": rooms.agi,
    "escapes": rooms.escapes,
    "protocol": connection.protocol,
    "login": connection.login,
}
