""":func:`connect`: one connection, logged in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from .endpoint import parse_endpoint
from .errors import NotConnected
from .login import Login, Secret
from .protocol import AMIProtocol
from .timeouts import Timeouts
from .transcript import Target, Transcript, as_transcript


def connect(
    reactor: Any,
    endpoint: str | IStreamClientEndpoint,
    username: str,
    secret: str | Secret,
    *,
    auth: Literal["plain", "md5"] = "plain",
    events: str | Iterable[str] | None = None,
    timeout: float = 30.0,
    action_timeout: float | None = 30.0,
    ping_interval: float | None = 30.0,
    ping_timeout: float = 10.0,
    ca_file: str | None = None,
    transcript: Transcript | Target | None = None,
) -> Deferred[AMIProtocol]:
    """
    Connect and log in.

    :param reactor: the reactor.
    :param endpoint: ``"host"``, ``"host:port"``, ``"tls:host:port"``, …, see :func:`~txami.parse_endpoint`.
    :param username: the name of a section of manager.conf.
    :param secret: its secret.
    :param auth: ``"plain"`` or ``"md5"``.
    :param events: which events to get: ``"on"``, ``"off"``, classes such as ``"call,agent"``, or ``None`` for
        all that the user may read.
    :param timeout: seconds for connecting (an endpoint that is no plain host has its own), and again for the
        login.
    :param action_timeout: the default timeout of each action, in seconds; ``None`` for none.
    :param ping_interval: seconds between keepalive pings; ``None`` for none.
    :param ping_timeout: seconds for the answer to one; then the connection is cut.
    :param ca_file: see :func:`~txami.parse_endpoint`.
    :param transcript: where to take down what goes over the wire, without the secrets: a file's path, a callable, a
        logger, or a :class:`~txami.Transcript`.
    :return: fires with the connection.  Fails with :class:`~txami.NotConnected`,
        :class:`~txami.LoginFailed`, :class:`~txami.ConnectionLost` or :class:`~txami.ProtocolError`.
    :raises InvalidEndpoint: at once, if ``endpoint`` names none.
    :raises ValueError: at once, if ``events``, ``auth`` or a time makes no sense.
    :raises OSError: at once, if ``ca_file`` cannot be read, or the transcript cannot be written.
    """
    place = parse_endpoint(reactor, endpoint, timeout=timeout, ca_file=ca_file)
    protocol = AMIProtocol(
        reactor,
        Login(username, Secret(secret), auth, events),  # type: ignore[arg-type]
        timeouts=Timeouts(timeout, action_timeout, ping_interval, ping_timeout),
        transcript=as_transcript(transcript),
    )

    def refused(failure: Failure) -> Failure:
        if failure.check(CancelledError):
            return failure
        raise NotConnected(
            f"cannot connect to {endpoint}: {failure.getErrorMessage().rstrip('.')}; is Asterisk running, and does "
            "manager.conf say 'enabled = yes' and this address and port?"
        ) from failure.value

    def given_up(failure: Failure) -> Failure:
        protocol.logoff()
        return failure

    def made(_: object) -> Deferred[AMIProtocol]:
        return protocol.when_ready().addErrback(given_up)

    return place.connect(_Once(protocol)).addCallbacks(made, refused)


class _Once(Factory):
    """Hands out the one protocol that was made for it."""

    noisy = False

    def __init__(self, protocol: AMIProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> AMIProtocol:
        return self._protocol
