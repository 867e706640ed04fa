"""
What can be done with ``action()``: the methods that read like the job.

One module a subject; :class:`Actions` has them all.
"""

from .base import DEFAULT_TIMEOUT
from .calls import CallActions
from .events import EventActions

__all__ = ["DEFAULT_TIMEOUT", "Actions"]


class Actions(CallActions, EventActions):
    """The convenience methods, for :class:`~txami.AMIProtocol` and :class:`~txami.AMIService` alike."""
