"""An Asterisk Manager Interface (AMI) client for Twisted that does not lose calls."""

from typing import TYPE_CHECKING

from ._version import __version__
from .client import connect
from .connector import EndpointConnector
from .endpoint import parse_endpoint
from .errors import (
    ActionError,
    ActionTimeout,
    AGIError,
    AGIHangup,
    AGITruncated,
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
from .escapes import unescape
from .factory import AMIFactory
from .gap import Gap, LinkObserver
from .interfaces import IAMI
from .login import Login, Secret
from .message import Event, Message, Response
from .observers import EventRegistry
from .originate import Call, Outcome
from .pending import Counters
from .protocol import AMIProtocol
from .service import AMIService
from .stats import Health, Stats
from .streams import EventStream
from .subscription import Subscription
from .timeouts import Timeouts
from .transcript import Transcript

if TYPE_CHECKING:
    from .agi import AGIResult
    from .agisession import AGISession
    from .asyncagi import AsyncAGI
    from .pool import AMIPool
else:
    # What most programs do without is loaded when it is first asked for.  Checkers of types look above: to them this
    # function would be a promise that the package has every name there is.
    _MODULES = {"AGIResult": "agi", "AGISession": "agisession", "AMIPool": "pool", "AsyncAGI": "asyncagi"}

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "IAMI",
    "AGIError",
    "AGIHangup",
    "AGIResult",
    "AGISession",
    "AGITruncated",
    "AMIError",
    "AMIFactory",
    "AMIPool",
    "AMIProtocol",
    "AMIService",
    "ActionError",
    "ActionTimeout",
    "AsyncAGI",
    "Call",
    "ConnectionLost",
    "Counters",
    "EndpointConnector",
    "Event",
    "EventRegistry",
    "EventStream",
    "EventTimeout",
    "EventsDropped",
    "Gap",
    "Health",
    "InvalidAction",
    "InvalidEndpoint",
    "LinkObserver",
    "Login",
    "LoginFailed",
    "Message",
    "NotConnected",
    "Outcome",
    "ProtocolError",
    "Response",
    "Secret",
    "Stats",
    "Subscription",
    "Timeouts",
    "Transcript",
    "__version__",
    "connect",
    "parse_endpoint",
    "unescape",
]
