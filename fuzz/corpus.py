"""
The saved inputs: one archive a target, which search and tests begin with.

They were made from :func:`seeds` and what searches found since, and minimised: each covers something that no other
does.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.corpus import MARKER, MESSAGES, RECORDED, frames, recording
from txami.wire import END_OF_MESSAGE

from .rooms import ACTIONS, SECRET
from .steps import step

ARCHIVES: Final = Path(__file__).with_name("corpus")

#: Bytes of an input; a longer one only takes longer.
MAX_SIZE: Final = 4096


def load(target: str) -> list[bytes]:
    """Return the saved inputs of a target; none if there is no archive yet."""
    path = ARCHIVES / f"{target}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in sorted(archive.namelist())]


def save(target: str, inputs: Iterable[bytes]) -> Path:
    """Make the archive of a target, the same from the same inputs."""
    path = ARCHIVES / f"{target}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted((sha256(data).hexdigest()[:16], data) for data in set(inputs)):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def seeds(target: str) -> list[bytes]:
    """Return what a search begins with when nothing is saved: recordings, odd messages, and one of each step."""
    streams = [message + END_OF_MESSAGE for message in MESSAGES.values()]
    for name in RECORDED:
        messages = frames(recording(name))
        streams += [END_OF_MESSAGE.join(messages[at : at + 6]) + END_OF_MESSAGE for at in range(0, 60, 6)]
    streams = [stream for stream in streams if stream and len(stream) <= MAX_SIZE]
    return _SEEDS[target](streams)


def _texts(streams: list[bytes]) -> list[bytes]:
    return [message for stream in streams for message in stream.split(END_OF_MESSAGE) if message]


def _of_replies(streams: list[bytes]) -> list[bytes]:
    return [bytes([number % len(ACTIONS), number % 6]) + stream for number, stream in enumerate(streams * 2)]


def _of_agi(streams: list[bytes]) -> list[bytes]:
    return [
        b"200 result=1 (a value (of sorts))\n\xff200 result=0 endpos=8000\n",
        b"\x01200 result=1 (\xff)\n200 result=0\n\xff200 result=-1\n",
        b"\x02200 result=1 (\xff520-Invalid command syntax.  Proper usage follows:\n X\n520 End of proper usage.\n",
        b"agi_request: async\nagi_channel: PJSIP/a-1\nagi_callerid: 100\n\n",
        b"510 Invalid or unknown command\n",
        b"511 Command Not Permitted on a dead channel\n",
        b"200 result=" + b"1" * 500 + b" endpos=" + b"2" * 500,
    ]


def _of_wire(streams: list[bytes]) -> list[bytes]:
    return [
        b"Originate\xffChannel\xffLocal/100@default\xffVariable\xff\x04a=b,c=d\xffPriority\xff\x02\xffAsync\xff\x05y",
        b"Ping",
        b"Command\xffCommand\xff\x01core show uptime\xffX\xff\x03",
        b"Setvar\xffVariable\xffX\xffValue\xff" + SECRET.encode() + b"\r\nAction: Originate",
        b"Setvar\xffValue\xff" + b"x" * 1100,
        b"Setvar\xffVariable\xff\x04" + b"x," * 130,
        b"Asterisk Call Manager/11.0.0",
    ]


_LOGINS: Final = [
    b"\x00Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: x0\r\n\r\nEvent: FullyBooted\r\n\r\n",
    b"\x00Asterisk Call Manager/11.0.0\r\nResponse: Error\r\nActionID: x0\r\nMessage: Authentication failed\r\n\r\n",
    b"\x01Asterisk Call Manager/1.1\r\nResponse: Success\r\nActionID: x0\r\nChallenge: 840415273\r\n\r\n"
    b"Response: Success\r\nActionID: x1\r\n\r\n",
    b"\x01SSH-2.0-OpenSSH_9.9\r\n" + step(5, 6) + b"\xff\x0d" + step(14),
]


def _of_protocol(streams: list[bytes]) -> list[bytes]:
    found = []
    for number, stream in enumerate(streams):
        asked = b"".join(step(2, each % 16) for each in range(number % 5))
        observed = step(6, number % 16) + step(8, number % 16) + step(9, number % 16) + step(12, number % 16)
        found.append(bytes([number % 256]) + asked + observed + step(number % 2, 0, stream) + step(number % 16))
    for number, action in enumerate(ACTIONS):
        listed = (
            b"Response: Success\r\nActionID: x1\r\nEventList: start\r\nMessage: list will follow\r\n\r\n"
            b"Event: Item\r\nActionID: x1\r\n\r\nEvent: Done\r\nActionID: x1\r\nEventList: Complete\r\n\r\n"
        )
        # The number of results so far is added to the argument.
        found.append(bytes([number * 7 % 256]) + step(2, (number - 2) % 16, listed))
        found.append(b"\x81" + step(8) * (number % 7) + step(2, number % 16, action.encode()) + step(5, 6) + step(4))
    return found


_SEEDS: Final = {
    "framer": lambda streams: [bytes([number % 3]) + stream for number, stream in enumerate(streams)],
    "message": _texts,
    "wire": _of_wire,
    "replies": _of_replies,
    "agi": _of_agi,
    "escapes": lambda streams: [b"O\\'Brien \\n \\\\ \\q \\", MARKER],
    "protocol": _of_protocol,
    "login": lambda streams: _LOGINS,
}
