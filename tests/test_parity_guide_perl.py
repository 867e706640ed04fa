"""What the page for users of the Perl modules tells them to type, typed."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.test_blocking import PATIENCE, Server, server, until
from tests.test_blocking_page import names
from tests.test_readme import HOME, Reader, blocks, reader
from tests.test_starpy_page import teach
from txami.testing import FakeSession

__all__ = ["names", "reader", "server"]

PAGE = HOME / "docs" / "from_asterisk_ami.rst"


def members(session: FakeSession, action: Any) -> None:
    """Answer QueueStatus: the parameters, and one member."""
    alice = "Queue: support\nName: Alice\nLocation: PJSIP/alice\nStateInterface: PJSIP/alice\nPaused: 0\nStatus: 1"
    mine = f"ActionID: {action['ActionID']}"
    text = (
        f"Response: Success\n{mine}\nEventList: start\nMessage: Queue status will follow\n\n"
        f"Event: QueueParams\nQueue: support\nMax: 0\nCalls: 0\n{mine}\n\n"
        f"Event: QueueMember\n{alice}\n{mine}\n\n"
        f"Event: QueueStatusComplete\n{mine}\nEventList: Complete\nListItems: 2\n\n"
    )
    session.write(text.replace("\n", "\r\n").encode())


def test_the_page(server: Server, names: dict[str, Any]) -> None:
    printed = names["print"].take
    connect, action, many, listed, command, call, events, loop, _, again, common, tls, telephony = blocks(PAGE)
    server.do(lambda: server.fake.add_channel("PJSIP/bob-00000001", state="Up"))
    server.fake.commands["core show channels"] = "1 active channel"
    teach(server.fake)
    server.fake.answer("QueueStatus", members)
    server.fake.answer("QueuePause", "Response: Success\nActionID: {ActionID}\nMessage: Interface paused successfully")

    exec(connect, names)
    assert printed() == ["(11, 0, 0)"]
    exec(action, names)
    assert printed() == ["no: No such channel", "not hung up"]
    exec(many, names)
    lines: list[str] = []

    def answered() -> bool:
        lines.extend(printed())
        return "answered for 7" in lines

    until(answered)
    assert sorted(lines) == ["1 active channel", "System uptime: 1 minute, 5 seconds", "answered for 7"]
    exec(listed, names)
    assert printed()[0].split()[0] == "PJSIP/bob-00000001"
    exec(command, names)
    assert printed() == ["System uptime: 1 minute, 5 seconds"]
    exec(call, names)
    assert printed() == ["answered", "Normal Clearing"]
    exec(common, names)
    assert printed() == ["red", "nobody", "Alice"]
    exec(events, names)
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/carol-00000002")))
    names["ami"].disconnect()
    assert printed() == ["Newchannel", "PJSIP/carol-00000002 Normal Clearing"]

    names["ami"].connect()
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/dave-00000003")))
    exec(loop, names)
    assert printed()[-1] == "PJSIP/alice-00000002"
    names["ami"].disconnect()
    printed()

    exec(again, names)
    server.cut()
    until(lambda: names["print"])
    assert names["client"].action("Ping", timeout=PATIENCE).ok
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/erin-00000004")))
    names["client"].disconnect()
    lines = printed()
    assert lines[0] == "events are missed from now on"
    assert "PJSIP/erin-00000004" in lines

    exec(tls, names)
    names["ami"].disconnect()
    assert printed() == ["complete"]

    names["file"] = io.BytesIO()
    exec(telephony, names)
    assert sorted(printed()) == ["FullyBooted", "Pong"]
    assert b">> Action: Ping" in names["file"].getvalue()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"users": {"admin": "other"}}, "refused: Authentication failed"),
        ({"never": "QueueStatus"}, "too late, but there is None"),
        ({"refuse": True}, "no connection:"),
    ],
    ids=["login", "timeout", "connection"],
)
def test_the_errors(server: Server, names: dict[str, Any], fault: dict[str, Any], said: str) -> None:
    *_, tls, _ = blocks(PAGE)
    server.fake.users = fault.get("users", server.fake.users)
    server.fake.never_answer(fault.get("never", "Nothing"))
    if "refuse" in fault:
        server.refuse()
    exec(tls.replace("action_timeout=10", "action_timeout=0.05"), names)
    assert names["print"][0].startswith(said)
    if "ami" in names:
        names["ami"].disconnect()


def test_the_daemon(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.type(blocks(PAGE)[8])
    reader.network.pass_time(1)
    reader.server.hang_up(reader.server.add_channel("PJSIP/carol-00000003"))
    reader.network.pass_time(1)
    assert capsys.readouterr().out.splitlines() == ["connected", "PJSIP/carol-00000003"]


def test_every_job_is_there_in_both_languages() -> None:
    text = PAGE.read_text(encoding="utf-8")
    jobs = text.count("\n~~~~")
    assert jobs == 10
    assert text.count(".. code-block:: perl") == jobs + 1
    assert len(blocks(PAGE)) == jobs + 3
