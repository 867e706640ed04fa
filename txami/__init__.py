"""An Asterisk Manager Interface (AMI) client for Twisted that does not lose calls."""

from ._version import __version__
from .client import connect
from .connector import EndpointConnector
from .endpoint import parse_endpoint
from .errors import (
    ActionError,
    ActionTimeout,
    AMIError,
    ConnectionLost,
    EventsDropped,
    EventTimeout,
    InvalidAction,
    InvalidEndpoint,
    LoginFailed,
    NotConnected,
    ProtocolError,
)
from .factory import AMIFactory
from .interfaces import IAMI
from .login import Login, Secret
from .message import Event, Message, Response
from .observers import EventRegistry, Subscription
from .originate import Call, Outcome
from .pending import Counters
from .protocol import AMIProtocol, Timeouts
from .service import AMIService
from .streams import EventStream

__all__ = [
    "IAMI",
    "AMIError",
    "AMIFactory",
    "AMIProtocol",
    "AMIService",
    "ActionError",
    "ActionTimeout",
    "Call",
    "ConnectionLost",
    "Counters",
    "EndpointConnector",
    "Event",
    "EventRegistry",
    "EventStream",
    "EventTimeout",
    "EventsDropped",
    "InvalidAction",
    "InvalidEndpoint",
    "Login",
    "LoginFailed",
    "Message",
    "NotConnected",
    "Outcome",
    "ProtocolError",
    "Response",
    "Secret",
    "Subscription",
    "Timeouts",
    "__version__",
    "connect",
    "parse_endpoint",
]
