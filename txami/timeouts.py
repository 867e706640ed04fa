"""How long to wait for what on a connection."""

from __future__ import annotations

from .records import record


@record(frozen=True)
class Timeouts:
    """
    How long to wait for what, in seconds.

    :ivar login: from the connection being made to the login being accepted.
    :ivar action: the default for each action; ``None`` waits as long as it takes.
    :ivar ping_interval: between keepalive pings; ``None`` sends none.
    :ivar ping: for the answer to one.
    :ivar logoff: for a logoff to end the connection before it is cut.
    :raises ValueError: if one is negative, or ``ping_interval`` is zero.
    """

    login: float = 30.0
    action: float | None = 30.0
    ping_interval: float | None = 30.0
    ping: float = 10.0
    logoff: float = 5.0

    def __post_init__(self) -> None:
        for name, seconds in vars(self).items():
            if seconds is not None and (seconds < 0 or (name == "ping_interval" and not seconds)):
                raise ValueError(f"{name}={seconds} is no time to wait, in seconds; for no pings, ping_interval=None")
