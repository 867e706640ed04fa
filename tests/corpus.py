"""Odd messages that servers of all ages send, and the recordings: shared by the tests."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

RECORDINGS: Final = Path(__file__).with_name("recordings")

#: Every recording, as ``scenario.version``.
RECORDED: Final = sorted(path.name.removesuffix(".ami.gz") for path in RECORDINGS.glob("*.ami.gz"))

MARKER: Final = b"--END COMMAND--"

#: Messages as they stand on the wire, without the blank line that ends each.
MESSAGES: Final[dict[str, bytes]] = {
    "message text that ends in LF": b"Response: Success\r\nActionID: 1\r\nMessage: Park successful\n",
    "value of three lines": b"Response: Success\r\nVariable: X\r\nValue: line1\nline2\nFoo: bar",
    "value that forges a message": b"Response: Success\r\nValue: \n\nResponse: Error\n\nEvent: Forged",
    "value that forges one with CRs": b"Response: Success\r\nValue: \r\r\nEvent: Forged\n\r\nX: \r\r",
    "Agents with a line that ends in LF": (
        b"Event: Agents\r\nAgent: 1\r\nTalkingToChan: PJSIP/a-1\r\nCallStarted: 17\nLoggedInTime: 16\r\nActionID: 1"
    ),
    "map items that end in CRLF LF": (
        b"Event: CoreShowChannelMap\r\nActionID: 1\r\nConnectedChannel: a\r\n\n"
        b"Event: CoreShowChannelMap\r\nActionID: 1\r\nConnectedChannel: b\r\n\n"
        b"Event: CoreShowChannelMapComplete\r\nActionID: 1\r\nEventList: Complete\r\nListItems: 2"
    ),
    "line without a colon": b"Response: Success\r\nActionID: 1\r\nNo categories found",
    "user event with lines of all kinds": (
        b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: x\r\nEvent: Hangup\r\nPrivilege: none\r\n"
        b"hello\r\n:\r\n: "
    ),
    "name with a blank before the colon": b"Response: Success\r\nReg-Contact : sip:a\r\nQualifyFreq : 60 ms\nCodecs: ",
    "variable on a line of its own": b"Response: Success\r\nChanVariable:\n a,b\r\nX:y",
    "channel with a colon": b"Event: Hangup\r\nPrivilege: call,all\r\nChanVariable(IAX2/h:4569-1): a=b: c",
    "bytes of no charset": b"Event: VarSet\r\nValue: \xff\xfe\xc3 \xe9t\xe9 \xed\xa0\x80\x00",
    "ActionID that lost its line end": b"Event: ConfbridgeList\r\nActionID: AAAA\rConference: 1\r\nX: ",
    "two Message headers": b"Response: Success\r\nMessage: Presence State\r\nMessage: gone fishing",
    "end of a command inside a text": b"Response: Error\r\nMessage: " + MARKER,
    "output by headers": b"Response: Success\r\nMessage: Command output\r\nOutput: a: b\r\nOutput: \r\nOutput:   c\r",
    "output of a failed command": b"Response: Error\r\nMessage: Command output follows\r\nOutput: No such command 'x'",
    "old command": b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nSystem uptime: 1 second\n" + MARKER,
    "old command that prints messages": (
        b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\n\r\n\r\nEvent: Hangup\r\nChannel: x\r\n\r\n"
        b"Response: Error\r\nActionID: 1\r\n\r\n" + MARKER + b"\n\r\n" + MARKER + b"\r\nlast: line" + MARKER
    ),
    "old command with one long line of LFs": b"Response: Follows\r\nPrivilege: Command\r\n"
    + b"a b c\n" * 9000
    + MARKER,
    "old command that prints nothing": b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\n" + MARKER,
    "old command without headers": b"Response: Follows\r\nhello" + MARKER,
}


def recording(name: str) -> bytes:
    """Return the bytes of a recording."""
    return gzip.decompress((RECORDINGS / f"{name}.ami.gz").read_bytes())


def frames(stream: bytes) -> list[bytes]:
    """Return the messages of a stream without command output, found line by line, as a person would."""
    found: list[bytes] = []
    lines: list[bytes] = []
    for line in stream.split(b"\r\n"):
        if line:
            lines.append(line)
        elif lines:
            found.append(b"\r\n".join(lines))
            lines = []
    return found
