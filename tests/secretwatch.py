"""Looks over the shoulder of every test: no secret that one logs in with may be seen in what is logged or printed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from txami.login import Secret

#: A secret that is shorter, or has fewer different characters, may be a word that is seen anyway.  A test that is about
#: secrets takes one that is longer, such as ``hush-hush-never-shown``; those of the lab's users are random.
_LENGTH = 12
_DIFFERENT = 4

#: Log events with the same format that are looked at in one test; some tests cause a hundred thousand.
_OF_A_KIND = 1000


@implementer(ILogObserver)
class SecretWatch(logging.Handler):
    """
    Collects the secrets that are used, and what is logged by ``twisted.logger`` and ``logging``, at every level.

    :ivar secrets: every text that was made a :class:`~txami.Secret` and can be told from others.
    """

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.secrets: set[str] = set()
        self._shown: list[tuple[str, str]] = []
        self._seen: Counter[str] = Counter()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Collect for as long as this lasts."""
        make = Secret.__init__

        def made(secret: Secret, value: str | Secret) -> None:
            make(secret, value)
            self.learn(secret.reveal())

        Secret.__init__ = made  # type: ignore[method-assign, assignment]
        globalLogPublisher.addObserver(self)
        logging.getLogger().addHandler(self)
        try:
            yield
        finally:
            Secret.__init__ = make  # type: ignore[method-assign]
            globalLogPublisher.removeObserver(self)
            logging.getLogger().removeHandler(self)

    def learn(self, secret: str) -> None:
        """Look for a secret from now on."""
        if len(secret) >= _LENGTH and len(set(secret)) >= _DIFFERENT:
            self.secrets.add(secret)

    def __call__(self, event: LogEvent) -> None:
        kind = str(event.get("log_format"))
        self._seen[kind] += 1
        if self._seen[kind] > _OF_A_KIND:
            return
        failure = event.get("log_failure")
        self.show("log", formatEvent(event))
        self.show("values of the log", _values(event))
        if isinstance(failure, Failure):
            self.show("traceback", failure.getTraceback(detail="verbose"))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of ``logging``."""
        self.show("log", self.format(record))
        self.show("values of the log", _values({"args": record.args}))

    def show(self, where: str, text: str) -> None:
        """Take what somebody gets to see."""
        if text:
            self._shown.append((where, text))

    def leaks(self) -> list[str]:
        """Return where secrets were seen since the last time, each with its surroundings but without the secret."""
        shown, self._shown = self._shown, []
        self._seen.clear()
        return [
            f"{where}: ...{text[max(at - 80, 0) : at]}<the secret>..."
            for where, text in shown
            for secret in self.secrets
            if (at := text.find(secret)) >= 0
        ]


def _values(event: dict[str, Any]) -> str:
    try:
        return repr(event)
    except Exception as error:
        return f"its repr fails: {type(error).__name__}"
