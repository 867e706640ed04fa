"""The client for scripts, where one thread is late at the moment that it hands over to another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import txami
import txami.blocking
from tests.test_blocking import PATIENCE, Server, server, until
from txami.blocking.session import Session

__all__ = ["server"]


@pytest.mark.parametrize("late", ["_link_down", "_end"])
def test_news_of_a_loss_that_is_late_is_not_taken_for_that_of_the_next_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Who waits for a response hears of the loss first, and may connect again before all is told."""
    gate, is_late = threading.Event(), threading.Event()
    tell: Callable[[Session, Exception], None] = getattr(Session, late)

    def tell_late(session: Session, reason: Exception) -> None:
        is_late.set()
        gate.wait(PATIENCE)
        tell(session, reason)

    monkeypatch.setattr(Session, late, tell_late)
    server.fake.never_answer("QueueStatus")
    client = server.connect()
    first: Any = client._session
    waiting = client.send_action("QueueStatus")
    client.action("Ping")
    server.cut()
    with pytest.raises(txami.ConnectionLost):
        client.get_response(waiting)
    assert is_late.wait(PATIENCE)
    monkeypatch.setattr(Session, late, tell)
    with ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(client.connect)
        # A second login could come now, and must not.
        time.sleep(0.1)
        gate.set()
        assert connecting.result(PATIENCE) is client
    until(lambda: not first.thread.is_alive())
    assert client.error is None
    assert client.action("Ping").ok
    server.emit("Test")
    while client.get_event(PATIENCE).name != "Test":
        pass
    client.disconnect()
