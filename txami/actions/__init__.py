"""
What can be done with ``action()``: the methods that read like the job, and what they find.

One module a subject; :class:`Actions` has them all.
"""

from .base import DEFAULT_TIMEOUT
from .calls import CallActions
from .channels import Channel, ChannelActions
from .conferences import Conference, ConferenceActions, ConferenceMember
from .config import ConfigCategory
from .database import DatabaseActions
from .dialplan import DialplanActions, DialplanEntry
from .endpoints import Contact, Endpoint, EndpointActions, EndpointDetail, OutboundRegistration
from .events import EventActions
from .parking import ParkedCall, ParkingActions, ParkingLot
from .peers import Peer, PeerActions
from .queue_members import QueueActions
from .queues import Queue, QueueCaller, QueueMember, QueueSummary
from .recording import RecordingActions
from .server import CoreSettings, CoreStatus, ServerActions
from .states import ExtensionState, Presence, StateActions
from .transfers import Bridge, TransferActions
from .voicemail import MailboxCount, VoicemailActions, VoicemailUser

__all__ = [
    "DEFAULT_TIMEOUT",
    "Actions",
    "Bridge",
    "Channel",
    "Conference",
    "ConferenceMember",
    "ConfigCategory",
    "Contact",
    "CoreSettings",
    "CoreStatus",
    "DialplanEntry",
    "Endpoint",
    "EndpointDetail",
    "ExtensionState",
    "MailboxCount",
    "OutboundRegistration",
    "ParkedCall",
    "ParkingLot",
    "Peer",
    "Presence",
    "Queue",
    "QueueCaller",
    "QueueMember",
    "QueueSummary",
    "VoicemailUser",
]


class Actions(
    CallActions,
    ChannelActions,
    TransferActions,
    QueueActions,
    ConferenceActions,
    ParkingActions,
    RecordingActions,
    DatabaseActions,
    EndpointActions,
    PeerActions,
    StateActions,
    DialplanActions,
    VoicemailActions,
    ServerActions,
    EventActions,
):
    """The convenience methods, for :class:`~txami.AMIProtocol` and :class:`~txami.AMIService` alike."""
