"""
The client for scripts, threads, notebooks and cron jobs: each method waits for its answer.

::

    import txami.blocking

    with txami.blocking.connect("pbx.example.com", "admin", secret) as ami:
        ami.action("Ping")

It is the same client that :func:`txami.connect` gives, run by a reactor in a thread of its own, see
:mod:`txami.blocking.bridge` for why that is a private one.
"""

from __future__ import annotations

from typing import Any

from ..login import Secret
from .bridge import WouldBlock
from .buffer import EventBuffer, Events
from .call import BlockingCall
from .client import BlockingAMI
from .handle import Handle
from .handlers import Handler

__all__ = ["BlockingAMI", "BlockingCall", "EventBuffer", "Events", "Handle", "Handler", "WouldBlock", "connect"]


def connect(endpoint: str, username: str, secret: str | Secret, **options: Any) -> BlockingAMI:
    """
    Return a :class:`BlockingAMI` that is connected and logged in.

    :param endpoint: see :class:`BlockingAMI`; so are the others.
    :raises NotConnected: see :meth:`BlockingAMI.connect`.
    """
    # Rebound, so that no traceback through here has it among its variables.
    secret = Secret(secret)
    return BlockingAMI(endpoint, username, secret, **options).connect()
