"""
:class:`FakeAsterisk`: a manager interface without an exchange, for demonstrations and for tests.

It is a server factory: listen with it on a real port, or connect to it in memory.  It logs in, answers the actions in
:data:`ANSWERS` and those that you script, and plays calls whose events have the order and the headers of real ones.
"""

from .answers import ANSWERS
from .calls import Behaviour, Dialling
from .channels import FakeBridge, FakeChannel
from .fake import FakeAsterisk
from .faults import Faults
from .loopback import Place, serving
from .manners import Manners
from .memory import MemoryEndpoint
from .script import Step
from .session import Answer, FakeSession
from .users import User
from .writing import Headers, render

__all__ = [
    "ANSWERS",
    "Answer",
    "Behaviour",
    "Dialling",
    "FakeAsterisk",
    "FakeBridge",
    "FakeChannel",
    "FakeSession",
    "Faults",
    "Headers",
    "Manners",
    "MemoryEndpoint",
    "Place",
    "Step",
    "User",
    "render",
    "serving",
]
