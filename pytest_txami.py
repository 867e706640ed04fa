"""
Fixtures of pytest: ``fake_asterisk``, a manager interface in memory, and ``ami``, a connection to it.

pytest loads this wherever txami is installed, for tests that have nothing to do with it.  So it stands outside of the
package, and imports that when a fixture is used: importing it would take a quarter of a second in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from txami import AMIProtocol
    from txami.testing import FakeAsterisk


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "fake_asterisk(users=..., version=..., faults=...): how the fixture fake_asterisk is made"
    )


@pytest.fixture
def fake_asterisk(request: pytest.FixtureRequest) -> Iterator[FakeAsterisk]:
    """
    Give a test a manager interface in memory, whose time passes when the test says so.

    At the end it fails the test if something is still to happen, or the script was not played to its end.
    """
    from txami.testing import FakeAsterisk

    marker = request.node.get_closest_marker("fake_asterisk")
    fake = FakeAsterisk(**(marker.kwargs if marker is not None else {}))
    yield fake
    fake.finish()


@pytest.fixture
def ami(fake_asterisk: FakeAsterisk) -> Iterator[AMIProtocol]:
    """
    Give a test a connection to ``fake_asterisk``, logged in as the first of its users.

    At the end it logs off, and fails the test if an action has not been answered by then.
    """
    from txami.testing.memory import logged_in

    with logged_in(fake_asterisk) as connection:
        yield connection
