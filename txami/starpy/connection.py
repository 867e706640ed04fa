""":class:`Connection`: the service below one ``AMIFactory.login()``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from ..errors import LoginFailed
from ..protocol import AMIProtocol
from ..service import AMIService
from ..transcript import Entry, Transcript
from .error import AMICommandFailure

if TYPE_CHECKING:
    from .manager import AMIFactory
    from .manager import AMIProtocol as StarPyProtocol

log = logging.getLogger("AMI")


class Connection(AMIService):
    """
    An :class:`~txami.AMIService` that tells an ``AMIFactory`` what becomes of it.

    The first attempt is the caller's business: it succeeds, or the caller is told and nothing goes on behind his
    back.  Once logged in it is kept up, also when the login is refused for a while.

    :param factory: who is told.
    :param reactor: the reactor.
    :param endpoint: where to connect.
    :ivar was_up: whether it was ever logged in.
    :ivar wanted: whether it is to be made anew; ``AMIFactory.retry()`` says so.
    """

    def __init__(self, factory: AMIFactory, reactor: Any, endpoint: str | IStreamClientEndpoint) -> None:
        super().__init__(
            reactor,
            endpoint,
            factory.username,
            factory.secret,
            auth="plain" if factory.plaintext_login else "md5",
            after_login_failed="retry",
            # What StarPy writes to this log, with the secrets in it.
            transcript=Transcript(_to_log) if log.isEnabledFor(logging.DEBUG) else None,
        )
        self.was_up = False
        self.wanted = False
        self._starpy = factory
        self._stale = False
        self._protocol: StarPyProtocol | None = None

    def startService(self) -> None:
        """Connect, at the pace that the factory asks for."""
        super().startService()
        self.set_pace()

    def set_pace(self) -> None:
        """Take over the waits between attempts from the factory."""
        if self._factory is not None:
            for name in ("initialDelay", "maxDelay", "factor", "maxRetries"):
                setattr(self._factory, name, getattr(self._starpy, name))
            self._factory.resetDelay()

    def give_up(self) -> None:
        """Connect no more."""
        self.stopService()

    def connect(self) -> None:
        """Connect again, after :meth:`give_up`; what a factory that sees to it itself calls its connector for."""
        self.wanted = True
        if not self.running:
            self.startService()

    @property
    def transport(self) -> Any:
        """The transport of the connection that is up now, if there is one."""
        return None if self.connection is None else self.connection.transport

    def _link_up(self, link: AMIProtocol) -> None:
        super()._link_up(link)
        self.was_up = True
        if self._protocol is None:
            self._protocol = self._starpy.buildProtocol(None)
            self._protocol.service = self
        log.info("logged in to %s", self._name)
        protocol = self._protocol
        protocol.amiVersion = link.banner.partition("/")[2].strip() or None
        # Who registers his functions in connectionMade(), or when the login is there, does so with every login.
        protocol.renewing, self._stale = self._stale, False
        _call(protocol.connectionMade)
        if protocol.renewing and self._starpy.asked:
            protocol.forget()
        self._starpy.succeed_login(protocol)
        protocol.renewing = False

    def _link_down(self, reason: Exception, link: AMIProtocol) -> None:
        is_mine = link is self._link
        super()._link_down(reason, link)
        if not is_mine or self._protocol is None:
            return
        log.info("lost the connection to %s: %s", self._name, reason)
        _call(self._protocol.connectionLost, Failure(reason))
        self._ask_factory(self._starpy.clientConnectionLost, reason)
        # Who waits for the next login registers his functions anew then: StarPy forgets them with each loss.
        self._stale = not (self.wanted and self._starpy.asked)
        if not self._stale:
            self._protocol.forget()

    def _attempt_failed(self, reason: Exception) -> None:
        super()._attempt_failed(reason)
        log.info("cannot connect to %s: %s", self._name, reason)
        if isinstance(reason, LoginFailed):
            if not self.was_up:
                self.give_up()
                self._starpy.fail_login(AMICommandFailure({"response": "Error", "message": reason.message}))
        else:
            self._ask_factory(self._starpy.clientConnectionFailed, reason)

    def _ask_factory(self, told: Callable[..., object], reason: Exception) -> None:
        """Tell the factory, which may not want the connection any more."""
        self.wanted = False
        _call(told, self, Failure(reason))
        if not self.wanted and self.running:
            self.give_up()


def _call(method: Callable[..., object], *arguments: object) -> None:
    """Call what a program may have replaced; its failure is logged."""
    try:
        method(*arguments)
    except Exception:
        log.exception("%r failed", method)


def _to_log(entry: Entry) -> None:
    for line in entry.lines:
        log.debug("%s %s", entry.direction, line)
