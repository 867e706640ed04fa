"""
The subcommand ``txami`` of ``twistd`` and ``twist``: connections that are kept up, and what runs on them.

An app is a callable that gets an :class:`~txami.AMIService`.  It is called when the program starts, before the
connection is made, so that its observers miss nothing.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any, Final, NoReturn, TextIO

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

from ._version import __version__
from .commands.output import as_json
from .config import Config, ConfigError, ServerConfig, read_config, resolve
from .errors import AMIError
from .message import Event
from .pool import AMIPool
from .service import AMIService

_log: Final = Logger()

#: Seconds that apps have to end before the connection is closed.
_PATIENCE: Final = 5.0

#: The options that are about one server, and the keys of a profile that they stand for.
_SERVER_OPTIONS: Final = {
    "endpoint": "host",
    "username": "username",
    "secret-file": "secret_file",
    "auth": "auth",
    "events": "events",
    "ca-file": "ca_file",
    "timeout": "timeout",
    "action-timeout": "action_timeout",
    "ping-interval": "ping_interval",
    "ping-timeout": "ping_timeout",
    "after-login-failed": "after_login_failed",
}


class Options(usage.Options):
    """The command line."""

    synopsis = "[--config FILE] [--profile NAME]... [--endpoint ENDPOINT --username NAME ...] [--app APP]..."
    longdesc = (
        "Keeps connections to Asterisk up, and runs your handlers on them. Without any, each event is written to the "
        "standard output as a line of JSON. What no option says is read from the profile that one names, from the "
        "environment (TXAMI_HOST, TXAMI_USERNAME, TXAMI_SECRET, ...), and then from the default profile."
    )
    optParameters = [
        ["config", None, None, "A file in TOML (default: $TXAMI_CONFIG, or ~/.config/txami.toml if there is one)."],
        ["endpoint", None, None, "Where Asterisk is: host, host:port, tls:host:port, unix:/path, ..."],
        ["username", None, None, "The manager user."],
        ["secret-file", None, None, "Holds the user's secret; or set TXAMI_SECRET."],
        ["auth", None, None, "How to log in: plain or md5 (default: plain)."],
        ["events", None, None, "Which events to get: on, off, or classes such as call,agent (default: all)."],
        ["ca-file", None, None, "The certificates to trust with tls:."],
        ["timeout", None, None, "Seconds for connecting (default: 30)."],
        ["action-timeout", None, None, "Seconds for each action, or none (default: 30)."],
        ["ping-interval", None, None, "Seconds between keepalive pings, or none (default: 30)."],
        ["ping-timeout", None, None, "Seconds for the answer to one (default: 10)."],
        ["metrics-port", None, None, "Serve numbers to Prometheus at this port of 127.0.0.1, or at ADDRESS:PORT."],
        ["after-login-failed", None, None, "When the login is refused: stop, or retry slowly (default: stop)."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["profiles"] = []
        self["apps"] = []

    def opt_profile(self, name: str) -> None:
        """A server of the configuration file; give it again for more servers."""
        self["profiles"].append(name)

    def opt_app(self, name: str) -> None:
        """What to run: package.module, whose main() is called, or package.module:callable; may be repeated."""
        self["apps"].append(name)

    def opt_version(self) -> NoReturn:
        """Display the version of txami and exit."""
        print(f"txami {__version__}")
        sys.exit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse the arguments.

        :raises SystemExit: with one line if they make no sense; twistd itself would print all its help instead.
        """
        arguments = list(sys.argv[1:] if options is None else options)
        try:
            _refuse_secret(arguments)
            super().parseOptions(arguments)
        except (usage.UsageError, ConfigError) as error:
            raise SystemExit(f"txami: {error}; see --help") from None


def _refuse_secret(arguments: Sequence[str]) -> None:
    """Refuse what getopt would take for an abbreviation of --secret-file, and then show as the name of a file."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if name.startswith("--sec") and name != "--secret-file":
            raise ConfigError("a secret is never given on the command line: use --secret-file, or set TXAMI_SECRET")


def makeService(options: Options) -> IService:
    """
    Return what twistd and twist run.

    :raises SystemExit: with one line if something is missing or makes no sense.
    """
    from twisted.internet import reactor

    try:
        # The standard output as it is now: the log will take its place.
        return build(options, reactor, os.environ, sys.stdout)
    except OSError as error:
        raise SystemExit(f"txami: {error.filename or 'the configuration'}: {error.strerror or error}") from None
    except (AMIError, ValueError) as error:
        raise SystemExit(f"txami: {' '.join(str(error).split())}") from None


def build(options: Mapping[str, Any], reactor: Any, environ: Mapping[str, str], out: TextIO) -> Daemon:
    """
    Return the service that the options ask for.

    :param options: an :class:`Options`.
    :param reactor: the reactor.
    :param environ: the environment.
    :param out: where events are written if there are no apps.
    """
    config = read_config(options["config"])
    names = options["apps"] or config.apps
    apps = [load_app(name) for name in names] or [App("the writer of events", EventWriter(reactor, out))]
    pool = AMIPool(reactor)
    for server in _servers(options, config, environ):
        pool.add(server.name, **server.arguments())
    daemon = Daemon(reactor, pool, apps)
    if options["metrics-port"] is not None:
        Metrics(reactor, options["metrics-port"], pool).setServiceParent(daemon)
    return daemon


def _servers(options: Mapping[str, Any], config: Config, environ: Mapping[str, str]) -> list[ServerConfig]:
    settings = {key: options[option] for option, key in _SERVER_OPTIONS.items()}
    profiles = options["profiles"]
    if len(profiles) < 2:
        return [resolve(settings, profiles[0] if profiles else None, config, environ)]
    given = [f"--{option}" for option, key in _SERVER_OPTIONS.items() if settings[key] is not None]
    if given:
        raise ConfigError(f"{', '.join(given)}: for one server only; with several, write it into their profiles")
    if len(set(profiles)) < len(profiles):
        raise ConfigError("the same --profile is given twice")
    # The variables of the environment are of one server, too.
    return [resolve({}, profile, config, {}) for profile in profiles]


# -- apps --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class App:
    """
    What runs on a connection.

    :ivar name: what the user calls it.
    :ivar call: gets the :class:`~txami.AMIService`; returns ``None``, a service, a Deferred or a coroutine.
    """

    name: str
    call: Callable[[AMIService], object]


def load_app(name: str) -> App:
    """
    Import an app.

    :param name: ``"package.module"``, whose ``main`` is meant, or ``"package.module:callable"``.
    :raises ConfigError: if there is none.
    """
    module, _, attribute = name.partition(":")
    attribute = attribute or "main"
    try:
        call = attrgetter(attribute)(_import(module, name))
    except AttributeError:
        raise ConfigError(
            f"the app {name!r}: the module has no {attribute!r}; define it, or name another as {module}:CALLABLE"
        ) from None
    if not callable(call):
        raise ConfigError(f"the app {name!r}: {attribute!r} cannot be called; it must be a function of the service")
    return App(name, call)


def _import(module: str, name: str) -> object:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"the app {name!r}: there is no module {error.name!r}; install it, or put its folder on PYTHONPATH"
            ) from None
        raise _broken(name, error) from None
    except Exception as error:
        raise _broken(name, error) from None


def _broken(name: str, error: Exception) -> ConfigError:
    """Return what to say of a module that raises when it is imported."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return ConfigError(
        f"the app {name!r} cannot be imported: {type(error).__name__}: {error} ({where.filename}, line {where.lineno})"
    )


class Daemon(MultiService):
    """
    The servers and the apps that run on them.

    The apps begin before the connections do, and these stay until the apps have ended.

    :param reactor: the reactor.
    :param pool: the servers.
    :param apps: what runs on each.
    """

    def __init__(self, reactor: Any, pool: AMIPool, apps: Sequence[App]) -> None:
        super().__init__()
        self.pool = pool
        self._reactor = reactor
        self._apps = list(apps)
        self._running: list[Deferred[Any]] = []

    def startService(self) -> None:
        """Call the apps, start the services that they return, and connect."""
        # Not a second time, if the service is stopped and started anew: their observers are there still.
        apps, self._apps = self._apps, []
        for app in apps:
            for service in self.pool.servers.values():
                self._begin(app, service)
        super().startService()
        if self.pool.parent is None:
            self.pool.setServiceParent(self)

    def stopService(self) -> Deferred[None]:
        """
        Cancel what the apps do, stop their services, and then log off.

        :return: fires when the connections are closed.
        """
        Service.stopService(self)
        running, self._running = self._running, []
        for each in running:
            each.cancel()
        others = [service for service in reversed(self.services) if service is not self.pool]
        ending = [maybeDeferred(service.stopService).addErrback(_failed, service) for service in others]
        # Not the list itself, which at its timeout would wait for what it cancels.
        ended: Deferred[object] = Deferred()
        DeferredList([*running, *ending]).addCallback(ended.callback)
        ended.addTimeout(_PATIENCE, self._reactor, onTimeoutCancel=_late)
        return ended.addCallback(lambda _: self.pool.stopService())

    def _begin(self, app: App, service: AMIService) -> None:
        async def run() -> None:
            result = app.call(service)
            if isinstance(result, (Coroutine, Deferred)):
                result = await result
            if IService.providedBy(result):
                result.setServiceParent(self)

        running = Deferred.fromCoroutine(run())
        running.addErrback(_failed, app.name)
        if not running.called:
            self._running.append(running)


def _failed(failure: Failure, what: object) -> None:
    if not failure.check(CancelledError):
        _log.failure("the app {what} failed", failure, what=what)


def _late(failure: object, patience: float) -> None:
    _log.warn("the apps did not end within {patience:g} s; logging off nevertheless", patience=patience)


# -- numbers -----------------------------------------------------------------------------------------------


class Metrics(Service):
    """
    Serves the numbers of the servers to Prometheus.

    :param reactor: the reactor.
    :param place: ``"port"``, on the loopback interface, or ``"address:port"``.
    :param pool: the servers.
    :raises ConfigError: if that is no place, or what it needs is not installed.
    """

    def __init__(self, reactor: Any, place: str, pool: AMIPool) -> None:
        try:
            from .metrics import serve_metrics
        except ImportError:
            raise ConfigError("--metrics-port needs more packages: pip install 'txami[metrics]'") from None
        address, _, port = place.rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            raise ConfigError(f"--metrics-port is {place!r}: write PORT or ADDRESS:PORT")
        interface = address.strip("[]") or "127.0.0.1"
        self._place = place
        self._listen = lambda: serve_metrics(reactor, int(port), pool, interface=interface)
        self._listening: IListeningPort | None = None

    def startService(self) -> None:
        """
        Listen.

        :raises SystemExit: with one line if the port is taken.
        """
        super().startService()
        try:
            self._listening = self._listen()
        except CannotListenError as error:
            raise SystemExit(f"txami: --metrics-port {self._place}: {error.socketError}") from None

    def stopService(self) -> Deferred[None]:
        """Listen no more."""
        super().stopService()
        listening, self._listening = self._listening, None
        return (listening and listening.stopListening()) or succeed(None)


# -- what is done without apps -----------------------------------------------------------------------------


class EventWriter:
    """
    An app that writes every event as a line of JSON.

    :param reactor: the reactor, which is stopped when nobody reads any more.
    :param out: where to.
    """

    def __init__(self, reactor: Any, out: TextIO) -> None:
        self._reactor = reactor
        self._out = out

    def __call__(self, ami: AMIService) -> None:
        """Write the events of a server from now on."""
        ami.on(None, lambda event: self._write(str(ami.name), event))

    def _write(self, server: str, event: Event) -> None:
        if self._out.closed:
            return
        try:
            print(line_for(server, self._reactor.seconds(), event), file=self._out, flush=True)
        except OSError as error:
            _log.warn("events can be written no more: {error}", error=error)
            _close(self._out)
            self._reactor.stop()


def line_for(server: str, time: float, event: Event) -> str:
    """
    Return an event as one line of JSON.

    The headers are in an object of their own, so that nothing in an event passes for what is said of it.

    :param server: the name of the server.
    :param time: when it came, in seconds since 1970.
    :param event: the event; a header that it has repeatedly becomes a list.
    """
    return json.dumps({"server": server, "time": round(time, 6), "event": event.name, "headers": as_json(event)})


def _close(out: TextIO) -> None:
    """Close, so that Python does not try again at its end to write what is left."""
    with suppress(OSError):
        out.close()
