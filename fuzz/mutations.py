"""Inputs made from others, the same in every run: what a search does, without coverage to guide it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

#: What a server writes and what it might.
WORDS: Final = (
    *(b"\r\n\r\n", b"\r\n", b"\n", b"\r", b": ", b":", b"\xff", b"\0", b"\xc3\xa9", b"\xed\xa0\x80", b"\\", b"%0A"),
    *(b"Response: Success\r\n", b"Response: Error\r\n", b"Response: Follows\r\n", b"--END COMMAND--", b"Output: x\r\n"),
    *(
        b"Event: Hangup\r\n",
        b"Privilege: call,all\r\n",
        b"Privilege: Call\r\n",
        b"ActionID: x1\r\n",
        b"ActionID: x2\r\n",
    ),
    *(b"EventList: start\r\n", b"EventList: Complete\r\n", b"EventList: cancelled\r\n", b"Message: will follow\r\n"),
    *(b"Event: Status\r\n", b"Event: PeerEntry\r\n", b"Channeltype: SKINNY\r\n", b"Event: WaitEventComplete\r\n"),
    b"Event: AsyncAGIStart\r\nPrivilege: agi,all\r\nChannel: a\r\nUniqueid: 1.1\r\nEnv: agi_request%3A%20async%0A\r\n",
    *(b"Event: AsyncAGIExec\r\n", b"Event: AsyncAGIEnd\r\n", b"Result: 200%20result%3D0%0A\r\n", b"CommandID: "),
    *(b"Message: Attempting to send \r\n", b"Variable: a=b\r\n", b"ChanVariable: a=b\r\n", b"ChanVariable(a): a=b\r\n"),
    *(
        b"200 result=",
        b"endpos=",
        b"520-",
        b"520 End of proper usage.\n",
        b"Challenge: 1\r\n",
        b"Asterisk Call Manager/",
    ),
)


def mutations(inputs: list[bytes], count: int, seed: int = 0) -> Iterator[bytes]:
    """Return so many mutations of the inputs."""
    random = Random(seed)
    for _ in range(count):
        data = bytearray(random.choice(inputs))
        for _ in range(random.randint(1, 6)):
            _mutate(random, data, inputs)
        yield bytes(data[:4096])


def _mutate(random: Random, data: bytearray, inputs: list[bytes]) -> None:
    at = random.randint(0, len(data))
    end = min(at + random.choice((1, 1, 2, 8, 64)), len(data))
    kind = random.randrange(6)
    if kind == 0:
        data[at:at] = random.choice(WORDS)
    elif kind == 1:
        data[at:end] = random.choice(WORDS)
    elif kind == 2:
        del data[at:end]
    elif kind == 3:
        data[at:end] = bytes(random.randrange(256) for _ in range(end - at))
    elif kind == 4:
        data[at:at] = data[at:end]
    else:
        other = random.choice(inputs)
        data[at:] = other[random.randint(0, len(other)) :]
