""":class:`Handle`: an action that was sent, for whoever asks for its response later."""

from __future__ import annotations

from typing import Any

from ..errors import ActionTimeout
from ..message import Response
from .bridge import Crossing, StillUnderWay


class Handle:
    """
    An action under way.

    :ivar action: its name.
    :ivar userdata: whatever ``send_action(userdata=...)`` was given.
    """

    def __init__(self, action: str, crossing: Crossing[Response], userdata: Any) -> None:
        self.action = action
        self.userdata = userdata
        self._crossing = crossing

    @property
    def done(self) -> bool:
        """Whether the response is there, or will not come."""
        return self._crossing.future.done()

    def cancel(self) -> None:
        """Give the response up; who waits for it gets an :class:`~txami.AMIError`."""
        self._crossing.give_up()

    def wait(self, timeout: float | None) -> Response:
        """Wait for the response, see :meth:`BlockingAMI.get_response`."""
        try:
            return self._crossing.wait(timeout)
        except StillUnderWay:
            raise ActionTimeout(self.action, timeout or 0) from None

    def __repr__(self) -> str:
        return f"<Handle of {self.action}{', done' if self.done else ''}>"
