"""What goes wrong, in StarPy's terms."""

from __future__ import annotations

from typing import Any

from ..errors import AMIError


class AMICommandFailure(AMIError):
    """
    Asterisk refused, or answered otherwise than expected.  ``args[0]`` is its answer, a dictionary.

    :param message: the answer.
    """

    def __init__(self, message: Any = None, *more: object) -> None:
        self.message = message
        super().__init__(message, *more)

    def __str__(self) -> str:
        # Of the answer only the text for people: a log must not show the rest, such as the values of variables.
        if isinstance(self.message, dict):
            output = "\n".join(self.message.get(" ", ()))
            return f"Asterisk says: {output or self.message.get('message') or self.message.get('response')}"
        return str(self.message)
