"""A terminal that is drawn upon, and that listens to one key."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

#: The other screen of the terminal, without a cursor; and back.
_ENTER: Final = "\033[?1049h\033[?25l"
_LEAVE: Final = "\033[?25h\033[?1049l"


class Screen:
    """
    Draws in place, and leaves the terminal as it was.

    :param reactor: the reactor.
    :param out: the terminal.
    :param enough: called when ``q`` is typed.
    :param coloured: whether the first line stands out.
    """

    def __init__(self, reactor: Any, out: TextIO, enough: Callable[[], object], coloured: bool = True) -> None:
        self._out = out
        self._coloured = coloured and "NO_COLOR" not in os.environ
        self._keys = _Keys(reactor, enough) if sys.stdin is not None and sys.stdin.isatty() else None

    def __enter__(self) -> Screen:
        self._write(_ENTER)
        if self._keys is not None:
            self._keys.listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self._keys is not None:
            self._keys.stop()
        self._write(_LEAVE)

    def draw(self, lines: Sequence[str], width: int, height: int) -> None:
        """Draw the lines, as far as they fit; the rest of each line, and of the screen, is cleared."""
        shown = [line[:width] for line in lines[:height]]
        if self._coloured:
            shown[0] = f"\033[1m{shown[0]}\033[0m"
        # At once, so that it does not flicker.
        self._write("\033[H" + "\033[K\r\n".join(shown) + "\033[K\033[J")

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()


@implementer(IReadDescriptor)
class _Keys:
    """Reads single keys from standard input."""

    def __init__(self, reactor: Any, enough: Callable[[], object]) -> None:
        self._reactor = reactor
        self._enough = enough
        self._before: list[Any] = []

    def listen(self) -> None:
        """Take keys as they are typed; Ctrl-C still interrupts."""
        # Not on every system that can run the rest.
        import termios
        import tty

        self._before = termios.tcgetattr(self.fileno())
        tty.setcbreak(self.fileno())
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Leave the keyboard as it was."""
        import termios

        self._reactor.removeReader(self)
        termios.tcsetattr(self.fileno(), termios.TCSADRAIN, self._before)

    def fileno(self) -> int:
        """Return what the reactor watches."""
        return sys.stdin.fileno()

    def doRead(self) -> None:
        """Read what was typed."""
        typed = os.read(self.fileno(), 64)
        if b"q" in typed or not typed:
            self._reactor.removeReader(self)
            self._enough()

    def logPrefix(self) -> str:
        """Return the name for the log."""
        return "keys"

    def connectionLost(self, reason: object) -> None:
        """Do without, if the terminal is gone."""
