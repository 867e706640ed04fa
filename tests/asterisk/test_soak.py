"""A minute of what :mod:`tests.asterisk.soak` does for as long as one likes."""

from __future__ import annotations

import os
import sys
from typing import Final

from tests.asterisk.soak import Soak
from tests.asterisk.support import AsteriskCase

_SECONDS: Final = int(os.environ.get("TXAMI_SOAK", "60"))

#: Bytes by which a process may grow in that time.  Caches fill, and the allocator keeps what was needed at the busiest
#: moment: on a quiet machine 4 MiB in half an hour, on a busy one 12 MiB in twelve minutes, with no object more.
_GROWTH: Final = 16 << 20


class SoakTests(AsteriskCase):
    __test__ = True
    version = "22"
    timeout = _SECONDS + 240

    async def test_what_is_heard_is_what_was_said_and_nothing_grows(self) -> None:
        figures = await Soak(self.reactor, self.spare(), _SECONDS).run()
        print(f"\n{figures}", file=sys.stderr)
        assert figures.before is not None
        assert figures.after is not None
        self.assertGreater(figures.compared, 30 * _SECONDS)
        self.assertGreater(figures.reconnects, _SECONDS / 20)
        # The error that came last keeps what it passed through; what a loss or a call left behind for good would
        # be there many times.
        self.assertLess(max(figures.new_objects.values(), default=0), figures.reconnects / 2, figures)
        self.assertEqual(figures.after.descriptors, figures.before.descriptors)
        # Each connection has a timer for its pings, and one for the deadlines of actions that comes and goes.
        self.assertLessEqual(figures.after.delayed_calls, figures.before.delayed_calls + 2)
        self.assertLess(figures.after.rss - figures.before.rss, _GROWTH)
