"""Recording channels."""

from __future__ import annotations

from typing import Final, Literal

from twisted.internet.defer import Deferred

from ..errors import InvalidAction
from .base import ActionBase
from .reading import done

Side = Literal["read", "write", "both"]

#: Where MixMonitor leaves its ID: only then its reply has it (``apps/app_mixmonitor.c: manager_mixmonitor``).
_ID_VARIABLE: Final = "TXAMI_MIXMONITOR"


class RecordingActions(ActionBase):
    """
    Recording channels, by MixMonitor.

    A channel is named by its name or by its Uniqueid; that there is no such channel is an
    :class:`~txami.ActionError`.
    """

    def mixmonitor(self, channel: str, file: str, *, options: str = "", command: str | None = None) -> Deferred[str]:
        """
        Record a channel, both sides in one file.

        :param channel: its name or its Uniqueid.
        :param file: the file's path, or its name in the directory for recordings.  The ending decides on the
            format, such as ``.wav``.
        :param options: MixMonitor's, such as ``"b"`` to record only while the channel is bridged.
        :param command: what the server's shell runs at the end.
        :return: fires with the recording's ID, for the other methods.
        :raises InvalidAction: at once, if there is a comma in the file or the options: Asterisk would take what
            follows for the next of the three (``apps/app_mixmonitor.c: manager_mixmonitor``), in the end for a
            command.
        """
        if "," in file or "," in options:
            raise InvalidAction("mixmonitor: a comma would end the file's name or the options; remove it")
        if "i(" not in options:
            options += f"i({_ID_VARIABLE})"
        started = self.action("MixMonitor", Channel=channel, File=file, Options=options, Command=command)
        return started.addCallback(lambda response: response.get("MixMonitorID", ""))

    def mixmonitor_stop(self, channel: str, mixmonitor_id: str | None = None) -> Deferred[None]:
        """
        End a recording.  A channel that is not recorded is an error.

        :param channel: its name or its Uniqueid.
        :param mixmonitor_id: which; by default any.
        """
        return done(self.action("StopMixMonitor", Channel=channel, MixMonitorID=mixmonitor_id))

    def mixmonitor_mute(
        self, channel: str, direction: Side = "both", mixmonitor_id: str | None = None
    ) -> Deferred[None]:
        """
        Record silence for a while.  Asterisk does not say if the channel is not recorded at all.

        :param channel: its name or its Uniqueid.
        :param direction: ``"read"`` for what comes from the channel, ``"write"`` for what goes to it, or
            ``"both"``.
        :param mixmonitor_id: which recording; by default all of the channel's.  Old servers take no notice.
        """
        return self._mute(channel, direction, mixmonitor_id, 1)

    def mixmonitor_unmute(
        self, channel: str, direction: Side = "both", mixmonitor_id: str | None = None
    ) -> Deferred[None]:
        """Undo :meth:`mixmonitor_mute`."""
        return self._mute(channel, direction, mixmonitor_id, 0)

    def _mute(self, channel: str, direction: Side, mixmonitor_id: str | None, state: int) -> Deferred[None]:
        return done(
            self.action("MixMonitorMute", Channel=channel, Direction=direction, MixMonitorID=mixmonitor_id, State=state)
        )
