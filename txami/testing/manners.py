"""
:class:`Manners`: in what the versions of Asterisk differ on the wire, as far as the fake follows them.

They are told apart as clients tell them apart, by the AMI version of the greeting.
"""

from __future__ import annotations

from typing import Final

#: Lists that bore no ``EventList`` before 2.7.0, that is Asterisk 13.2, but only a ``Message`` and an event at the end.
_ONCE_UNMARKED: Final = frozenset(
    {
        "agents",
        "bridgeinfo",
        "bridgelist",
        "dahdishowchannels",
        "dbget",
        "iaxpeerlist",
        "parkedcalls",
        "parkinglots",
        "prishowspans",
        "queuestatus",
        "queuesummary",
        "sippeerstatus",
        "status",
        "voicemailuserslist",
    }
)


class Manners:
    """
    How a server of some AMI version speaks.

    ========= ========== ============================================================================
    AMI       Asterisk   from then on
    ========= ========== ============================================================================
    1.0       1.4        ``Response: Pong``, ``Events On``, ``Events Off``, ``See ya``,
                         ``Authentication Required``; no FullyBooted
    1.1       1.6, 1.8   ``Response: Success`` instead; FullyBooted
    2.0.0     12         the headers of a channel as a block, also for the other one of a call;
                         DialBegin, DialState, DialEnd, BridgeEnter; ``ChannelId`` is heeded;
                         ``<unknown>``, which was ``<null>``, for the Uniqueid of a call that failed
    2.7.0     13.2       every list bears ``EventList``
    3.1.0     14.2       the output of commands in ``Output``, not behind ``Follows``; LastReload
    5.0.0     16         Newexten is of the class ``dialplan``, not ``call``
    11.0.0    22         TechCause where a SIP phone refuses; Cause in every HangupRequest
    ========= ========== ============================================================================

    :param version: as in the greeting, such as ``"11.0.0"``.
    :raises ValueError: if it is no version.
    """

    def __init__(self, version: str) -> None:
        try:
            self.version: Final = tuple(int(number) for number in version.split("."))
        except ValueError:
            raise ValueError(f"{version!r} is no AMI version: write it like 11.0.0 (Asterisk 22)") from None

    @property
    def is_first(self) -> bool:
        """Whether it is Asterisk 1.4 or before."""
        return self.version <= (1, 0)

    @property
    def has_snapshots(self) -> bool:
        """Whether every event of a channel has all its headers."""
        return self.version >= (2,)

    @property
    def has_old_commands(self) -> bool:
        """Whether the output of commands follows as bare text."""
        return self.version < (3,)

    @property
    def has_last_reload(self) -> bool:
        """Whether FullyBooted tells when it was reloaded."""
        return self.version >= (3,)

    @property
    def tells_tech_cause(self) -> bool:
        """Whether a hang-up tells what the phone answered."""
        return self.version >= (11,)

    @property
    def class_of_newexten(self) -> str:
        """The class of Newexten."""
        return "dialplan" if self.version >= (5,) else "call"

    @property
    def no_uniqueid(self) -> str:
        """What stands for the Uniqueid of a call that never had one."""
        return "<unknown>" if self.version >= (2,) else "<null>"

    def marks_list(self, action: str) -> bool:
        """Tell whether the list that answers an action bears ``EventList``."""
        return self.version >= (2, 7) or (not self.is_first and action.lower() not in _ONCE_UNMARKED)
