"""The server itself: what it is, what one may do there, its modules and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..message import Response
from ..records import record
from ..wire import HeaderValue
from .base import DEFAULT_TIMEOUT, ActionBase
from .config import ConfigCategory, read_config
from .reading import decimal, done, is_yes, maybe_number, number, succeeded

#: How the description of an action ends in the reply to ListCommands (``main/manager.c: action_listcommands``).
_PRIVILEGES: Final = re.compile(r"\(Priv: ([^)]*)\)\s*$")


@record(frozen=True)
class CoreStatus:
    """
    How the server is.

    :ivar started: when it was started, by the server's own local time.
    :ivar reloaded: when it was last reloaded, likewise.
    :ivar current_calls: how many there are.
    :ivar processed_calls: how many there were since the start; ``None`` where Asterisk does not say (16).
    :ivar event: the response where this is from.
    """

    started: datetime | None
    reloaded: datetime | None
    current_calls: int
    processed_calls: int | None
    event: Response = field(repr=False, compare=False)

    @classmethod
    def from_response(cls, response: Response) -> CoreStatus:
        """Read the reply to ``CoreStatus``."""
        return cls(
            started=_local_time(response, "CoreStartup"),
            reloaded=_local_time(response, "CoreReload"),
            current_calls=number(response, "CoreCurrentCalls"),
            processed_calls=maybe_number(response, "CoreProcessedCalls"),
            event=response,
        )


@record(frozen=True)
class CoreSettings:
    """
    How the server is set up.

    :ivar asterisk_version: such as ``"22.10.1"``.
    :ivar ami_version: such as ``"11.0.0"``.
    :ivar system_name: that of asterisk.conf, ``""`` for none.
    :ivar max_calls: how many calls it takes; ``None`` for any number.
    :ivar max_load: the load average at which it takes none; ``None`` for none.
    :ivar realtime: whether there is a realtime configuration.
    :ivar cdr: whether call detail records are written.
    :ivar http: whether the HTTP server is on.
    :ivar event: the response where this is from.
    """

    asterisk_version: str
    ami_version: str
    system_name: str
    max_calls: int | None
    max_load: float | None
    realtime: bool
    cdr: bool
    http: bool
    event: Response = field(repr=False, compare=False)

    @classmethod
    def from_response(cls, response: Response) -> CoreSettings:
        """Read the reply to ``CoreSettings``."""
        return cls(
            asterisk_version=response.get("AsteriskVersion", ""),
            ami_version=response.get("AMIversion", ""),
            system_name=response.get("SystemName", ""),
            max_calls=maybe_number(response, "CoreMaxCalls") or None,
            max_load=decimal(response, "CoreMaxLoadAvg") or None,
            realtime=is_yes(response, "CoreRealTimeEnabled"),
            cdr=is_yes(response, "CoreCDRenabled"),
            http=is_yes(response, "CoreHTTPenabled"),
            event=response,
        )


class ServerActions(ActionBase):
    """The server itself: what it is, what one may do there, its modules and files."""

    _clock: IReactorTime

    def ping(self) -> Deferred[float]:
        """
        Ask whether the server is there.

        :return: fires with the seconds until it answered.
        """
        began = self._clock.seconds()
        return self.action("Ping").addCallback(lambda _: self._clock.seconds() - began)

    def commands(self) -> Deferred[dict[str, tuple[str, ...]]]:
        """
        Look at the actions that this user may send.

        :return: fires with the classes for each action, of which ``write =`` in manager.conf must have one; none
            for an action that everybody may send.
        """
        return self.action("ListCommands").addCallback(_commands)

    def allowed(self, action: str) -> Deferred[bool]:
        """
        Tell whether this user may send an action, without sending it.

        Asterisk is asked once a connection; rights that are changed meanwhile show on the next one.

        :param action: its name, in any case.
        :return: fires with whether it is there and permitted.
        """
        return self.link().addCallback(lambda link: link.permissions.allows(action))

    def core_status(self) -> Deferred[CoreStatus]:
        """
        Look at how the server is.

        :return: fires with a :class:`~txami.actions.CoreStatus`.
        """
        return self.action("CoreStatus").addCallback(CoreStatus.from_response)

    def core_settings(self) -> Deferred[CoreSettings]:
        """
        Look at how the server is set up.

        :return: fires with a :class:`~txami.actions.CoreSettings`.
        """
        return self.action("CoreSettings").addCallback(CoreSettings.from_response)

    def module_check(self, module: str) -> Deferred[bool]:
        """
        Tell whether a module is loaded.

        :param module: such as ``"app_queue"``.
        """
        return succeeded(self.action("ModuleCheck", Module=module), "Module not loaded")

    def module_load(self, module: str, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[None]:
        """
        Load a module.

        :param module: such as ``"app_queue"``.
        :param timeout: seconds.
        :return: fails with :class:`~txami.ActionError` if Asterisk cannot.
        """
        return self._load(module, "load", timeout)

    def module_unload(self, module: str, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[None]:
        """Undo :meth:`module_load`."""
        return self._load(module, "unload", timeout)

    def module_reload(self, module: str, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[None]:
        """
        Have a module read its configuration anew.

        :param module: such as ``"app_queue"``; one that cannot is an :class:`~txami.ActionError`.
        :param timeout: seconds.
        """
        return self._load(module, "reload", timeout)

    def _load(self, module: str, kind: str, timeout: float | None) -> Deferred[None]:
        # Only ModuleCheck knows a module without the end of its name.
        module = module if module.endswith(".so") else module + ".so"
        return done(self.action("ModuleLoad", Module=module, LoadType=kind, timeout=timeout))

    def reload(self, part: str | None = None, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[None]:
        """
        Have Asterisk read its configuration anew.

        :param part: a module such as ``"app_queue"``, or a part of the core such as ``"manager"``; by default
            everything.
        :param timeout: seconds; everything may take long.
        """
        return done(self.action("Reload", Module=part, timeout=timeout))

    def get_config(self, file: str, category: str | None = None) -> Deferred[list[ConfigCategory]]:
        """
        Read a file of the configuration.

        :param file: such as ``"queues.conf"``.
        :param category: the only one of interest.
        :return: fires with a :class:`~txami.actions.ConfigCategory` for each, in their order, for names may
            repeat; fails with :class:`~txami.ActionError` if there is no such file.
        """
        return self.action("GetConfig", Filename=file, Category=category).addCallback(read_config)

    def user_event(self, name: str, headers: Mapping[str, HeaderValue] | None = None) -> Deferred[None]:
        """
        Send an event ``UserEvent`` to all who read class ``user``, oneself included.

        :param name: what happened: the value of the event's header ``UserEvent``.
        :param headers: what is to be said about it.
        """
        return done(self.action("UserEvent", headers, UserEvent=name))


def _commands(response: Response) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, description in response.items():
        privileges = _PRIVILEGES.search(description)
        if privileges is not None:
            # "all" stands behind every list of classes.
            classes = [each for each in privileges[1].split(",") if each not in ("all", "<none>")]
            found[name] = tuple(classes)
    return found


def _local_time(response: Response, prefix: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{response[prefix + 'Date']} {response[prefix + 'Time']}")
    except (KeyError, ValueError):
        return None
