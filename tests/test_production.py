"""What the page about production tells a user to type, typed."""

from __future__ import annotations

import pytest

from tests.test_readme import HOME, Reader, blocks, reader

__all__ = ["reader"]

PRODUCTION = HOME / "docs" / "production.rst"

LISTED = "Response: Success\nActionID: {ActionID}\nPing: Keepalive.  (Priv: <none>)"


def test_the_page_about_production(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.server.answer("ListCommands", LISTED)
    reader.server.answer("QueuePause", "Response: Success\nActionID: {ActionID}\nMessage: Interface paused")
    reader.names["application"] = reader.application
    *singly, metrics, pool = blocks(PRODUCTION)
    for block in singly[:1]:
        reader.type(block)
    reader.server.sessions[0].transport.loseConnection()  # type: ignore[union-attr]
    reader.network.pass_time(5)
    for block in [*singly[1:], metrics, pool]:
        reader.type(block)
    reader.network.result_of(reader.application.stopService())
    printed = capsys.readouterr().out.splitlines()
    for line in (
        "down: Connection was closed cleanly: Connection done.",
        "1 s of events may be missing: Connection was closed cleanly: Connection done.",
        "True",
        "the user needs the write class originate in manager.conf",
        "0 calls have ended",
        "berlin is up",
        "paris is up",
        "berlin Interface paused",
        "paris Interface paused",
        "[]",
    ):
        assert line in printed, printed
    assert reader.server.sessions == []
