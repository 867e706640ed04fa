"""
Which server to connect to, and how: from options, environment variables and a file in TOML.

Each setting comes from the first of these that has it: an option; the profile that an option names, which is a table
``[servers.NAME]`` of the file; an environment variable such as ``TXAMI_HOST``; the default profile; the default of
:class:`~txami.AMIService`.  No secret of a profile goes to the host that a variable names, nor the other way round, see
:func:`resolve`.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .client import connect
from .errors import AMIError
from .login import Secret
from .protocol import AMIProtocol
from .service import AMIService
from .timeouts import Timeouts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_log: Final = Logger()

#: Read if there is such a file, and neither an option nor ``TXAMI_CONFIG`` names another.
DEFAULT_PATH: Final = "~/.config/txami.toml"

#: The environment variables, and what each sets.
VARIABLES: Final = {
    f"TXAMI_{key.upper()}": key for key in ("host", "username", "secret", "secret_file", "events", "ca_file", "auth")
}

_VARIABLE: Final = "TXAMI_{}"
_CHOICES: Final = {"auth": ("plain", "md5"), "after_login_failed": ("stop", "retry")}
_NUMBERS: Final = ("timeout", "action_timeout", "ping_interval", "ping_timeout")
_MAY_BE_NONE: Final = ("action_timeout", "ping_interval")
_SECRETS: Final = ("secret", "secret_file")
_PATHS: Final = ("secret_file", "ca_file")
#: The keys of a table ``[servers.NAME]``.
KEYS: Final = ("host", "username", *_SECRETS, "events", "ca_file", *_CHOICES, *_NUMBERS)


class ConfigError(AMIError, ValueError):
    """The user's fault: a setting is missing, or makes no sense.  The text says which, and what to write."""


@dataclass(frozen=True)
class ServerConfig:
    """
    All that one :class:`~txami.AMIService` or :func:`~txami.connect` needs.

    :ivar name: the name of the profile, or else the host.
    :ivar host: see :func:`~txami.parse_endpoint`.

    The others are arguments of :class:`~txami.AMIService`.
    """

    name: str
    host: str
    username: str
    secret: Secret
    auth: Literal["plain", "md5"] = "plain"
    events: str | None = None
    ca_file: str | None = None
    timeout: float = 30.0
    action_timeout: float | None = 30.0
    ping_interval: float | None = 30.0
    ping_timeout: float = 10.0
    after_login_failed: Literal["stop", "retry"] = "stop"

    def service(self, reactor: Any) -> AMIService:
        """
        Return a service, not started, whose ``name`` is that of the server.

        :raises InvalidEndpoint: if the host names no place.
        :raises OSError: if ``ca_file`` cannot be read.
        """
        service = AMIService(reactor, **self.arguments())
        service.setName(self.name)
        return service

    def connect(self, reactor: Any, **more: Any) -> Deferred[AMIProtocol]:
        """Connect and log in, see :func:`~txami.connect`, with more of its arguments."""
        arguments = self.arguments() | more
        del arguments["after_login_failed"]
        return connect(reactor, **arguments)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of :class:`~txami.AMIService`, which those of :meth:`txami.AMIPool.add` are, too."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "name"}
        return {"endpoint": given.pop("host"), **given}


@dataclass(frozen=True)
class Config:
    """
    What a file says.

    :ivar servers: the settings of each profile, by its name.
    :ivar default: the profile for when no server is named; the only one there is, unless the file says otherwise.
    :ivar apps: what the twistd plugin runs, see ``--app`` there.
    :ivar path: the file, ``None`` if there is none.
    """

    servers: dict[str, dict[str, object]] = field(default_factory=dict)
    default: str | None = None
    apps: Sequence[str] = ()
    path: Path | None = None


def read_config(path: str | None) -> Config:
    """
    Read a file in TOML.

    :param path: which; ``None`` for what ``TXAMI_CONFIG`` names, or else :data:`DEFAULT_PATH` if it exists.
    :raises ConfigError: if it cannot be read, or has something unknown in it.
    """
    path = path or os.environ.get("TXAMI_CONFIG")
    file = Path(os.path.expanduser(path or DEFAULT_PATH))
    # os.path.exists() is false where one may not look, such as a home that a daemon is kept from.
    if path is None and not os.path.exists(file):
        return Config()
    try:
        with open(file, "rb") as opened:
            document = tomllib.load(opened)
            config = _check(document, file)
            if any("secret" in server for server in config.servers.values()):
                _warn_if_exposed(opened, file)
            return config
    except OSError as error:
        raise ConfigError(f"the configuration {file} cannot be read: {_reason(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not in the form of TOML: {error}") from None


def _check(document: dict[str, Any], file: Path) -> Config:
    """Return what a document says, if there is nothing in it that cannot be meant."""
    _refuse_unknown(document, ("servers", "default", "apps"), str(file))
    servers = document.get("servers", {})
    if not isinstance(servers, dict) or not all(isinstance(each, dict) for each in servers.values()):
        raise ConfigError(f"{file}: each server is a table: write [servers.NAME], and its settings below")
    for name, server in servers.items():
        _refuse_unknown(server, KEYS, f"[servers.{name}] of {file}")
    apps = document.get("apps", [])
    if not isinstance(apps, list) or not all(isinstance(each, str) for each in apps):
        raise ConfigError(f'{file}: write apps = ["package.module", …], a list of texts')
    default = document.get("default", next(iter(servers)) if len(servers) == 1 else None)
    if default is not None and not isinstance(default, str):
        raise ConfigError(f'{file}: write default = "NAME", for one of the tables [servers.NAME]')
    config = Config({name: _hidden(server) for name, server in servers.items()}, default, apps, file)
    if default is not None:
        _profile(config, default)
    return config


def _hidden(server: Mapping[str, object]) -> dict[str, object]:
    """Return the settings with a secret that does not show."""
    return {
        key: Secret(value) if key == "secret" and isinstance(value, str) else value for key, value in server.items()
    }


def read_secret(path: str | None, environ: Mapping[str, str] = os.environ) -> Secret:
    """
    Return the secret from a file, or else from ``TXAMI_SECRET``: never from the command line, which every
    user of a machine can read.  A file that everybody can read is warned of.

    :raises ConfigError: if there is neither, or the file cannot be read or has not one line.
    """
    if path is not None:
        return _read_secret_file(Path(os.path.expanduser(path)))
    if not environ.get("TXAMI_SECRET"):
        raise ConfigError(_NO_SECRET)
    return Secret(environ["TXAMI_SECRET"])


_NO_SECRET: Final = "no secret: name a file with --secret-file, or set TXAMI_SECRET"


def _read_secret_file(file: Path) -> Secret:
    try:
        with open(file, "rb") as opened:
            _warn_if_exposed(opened, file)
            text = opened.read().decode("utf-8", "surrogateescape").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"the secret file {file} cannot be read: {_reason(error)}") from None
    if not text or len(text.splitlines()) > 1:
        raise ConfigError(f"the secret file {file} must hold the secret in one line, and nothing else")
    return Secret(text)


def _warn_if_exposed(opened: BinaryIO, file: Path) -> None:
    mode = os.fstat(opened.fileno()).st_mode
    # Windows has no such bits, and says that they are set.
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        _log.warn("everybody on this machine can read the secret in {file}: chmod o= {file}", file=str(file))


def resolve(
    settings: Mapping[str, str | None], profile: str | None, config: Config, environ: Mapping[str, str]
) -> ServerConfig:
    """
    Put together what is known of one server.

    The default profile is for when neither an option nor the environment names a host: its secret is not for
    any other.  To one that is named the environment adds what it leaves open, unless ``TXAMI_HOST`` is set: then all
    the variables are about another server.

    :param settings: what the options say, by the names in :data:`KEYS`; ``None`` for what they do not.
    :param profile: the name of a profile; ``None`` for the default one.
    :param config: see :func:`read_config`.
    :param environ: the environment; a variable that is empty counts as not set.
    :raises ConfigError: if something is missing or makes no sense.
    """
    _refuse_unknown(settings, KEYS, "the options")
    options, variables = _options(settings), _environment(environ)
    # What the environment may add.
    settable = set(VARIABLES.values())
    if profile is not None:
        settable = set() if "host" in variables.values else settable - {"host"}
        sources = [options, _profile(config, profile), *([variables] if settable else [])]
    else:
        sources = [options, variables]
        if not any("host" in source.values for source in sources) and config.default is not None:
            profile = config.default
            sources.append(_profile(config, profile))

    def how_to_give(key: str) -> str:
        variable = f"set TXAMI_{key.upper()}, " if key in settable else ""
        place = f"[servers.{profile or 'NAME'}] of {config.path or DEFAULT_PATH}"
        aside = "" if settable else "; TXAMI_HOST is set, so that all variables are about another server"
        return f'give it as an option, {variable}or write {key} = "…" in {place}{aside}'

    found = {key: source.read(key) for source in reversed(sources) for key in source.values if key not in _SECRETS}
    for key, what in (("host", "a place to connect to"), ("username", "a section of manager.conf")):
        if not found.get(key):
            raise ConfigError(f"no {key}, which is {what}: {how_to_give(key)}")
    secret = _find_secret(sources)
    if secret is None:
        raise ConfigError(_NO_SECRET if profile is None else f"no secret: {how_to_give('secret_file')}")
    server = ServerConfig(profile or found["host"], secret=secret, **found)
    try:
        Timeouts(server.timeout, server.action_timeout, server.ping_interval, server.ping_timeout)
    except ValueError as error:
        raise ConfigError(f"{server.name}: {error}") from None
    return server


def _find_secret(sources: Iterable[_Source]) -> Secret | None:
    for source in sources:
        given = [key for key in _SECRETS if key in source.values]
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(map(source.label, given))} are both given: leave one out")
        for key in given:
            value = source.read(key)
            return value if isinstance(value, Secret) else _read_secret_file(Path(value))
    return None


@dataclass(frozen=True)
class _Source:
    """
    Settings of one kind.

    :ivar values: what they say.
    :ivar origin: what they are called, with ``{}`` for the key.
    :ivar folder: what relative paths start from.
    """

    values: Mapping[str, object]
    origin: str
    folder: Path = Path()

    def label(self, key: str) -> str:
        """Return what the user calls a setting."""
        if self.origin.startswith("--"):
            key = key.replace("_", "-")
        # Not str.format(), for the name of a profile may hold braces.
        return self.origin.replace("{}", key.upper() if self.origin == _VARIABLE else key, 1)

    def read(self, key: str) -> Any:
        """
        Return a setting with the type that it has in :class:`ServerConfig`.

        :raises ConfigError: if it cannot have it; the value itself is only shown where it can be no secret.
        """
        value = self.values[key]
        if key in _NUMBERS:
            return self._seconds(key, value)
        if key == "secret" and isinstance(value, Secret):
            return value
        if key == "events" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            value = ",".join(value)
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{self.label(key)} must be a text, in quotes, that is not empty")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise ConfigError(f"{self.label(key)} is {value!r}: write {' or '.join(map(repr, _CHOICES[key]))}")
        if key == "secret":
            return Secret(value)
        return str(self.folder / os.path.expanduser(value)) if key in _PATHS else value

    def _seconds(self, key: str, value: object) -> float | None:
        if value == "none" and key in _MAY_BE_NONE:
            return None
        try:
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and 0 <= float(value) < inf:
                return float(value)
        except ValueError:
            pass
        otherwise = ", or 'none'" if key in _MAY_BE_NONE else ""
        raise ConfigError(f"{self.label(key)} is {value!r}: write a number of seconds{otherwise}")


def _options(settings: Mapping[str, str | None]) -> _Source:
    return _Source({key: value for key, value in settings.items() if value is not None}, "--{}")


def _environment(environ: Mapping[str, str]) -> _Source:
    return _Source({key: environ[name] for name, key in VARIABLES.items() if environ.get(name)}, _VARIABLE)


def _profile(config: Config, name: str) -> _Source:
    """
    Return the settings of a profile.

    :raises ConfigError: if there is none of this name.
    """
    place = config.path or DEFAULT_PATH
    if name not in config.servers:
        there = f"there are {', '.join(config.servers)}" if config.servers else f"write [servers.{name}]"
        raise ConfigError(f"{place} has no profile {name!r}: {_suggest(name, config.servers) or there}")
    folder = config.path.parent if config.path is not None else Path()
    return _Source(config.servers[name], f"{{}} in [servers.{name}] of {place}", folder)


def _refuse_unknown(given: Iterable[str], known: Sequence[str], place: str) -> None:
    for key in given:
        if key not in known:
            hint = _suggest(key, known) or f"known are {', '.join(known)}"
            raise ConfigError(f"{place}: unknown key {key!r}; {hint}")


def _suggest(name: str, names: Iterable[str]) -> str:
    """Return a question, or nothing if there is nothing like it."""
    # Only those who mistype need it.
    from .catalogue import nearest

    found = nearest(name, names)
    return f"is it {found!r}?" if found else ""


def _reason(error: OSError) -> str:
    """Return why, without the path, which the sentence has."""
    return error.strerror or type(error).__name__
