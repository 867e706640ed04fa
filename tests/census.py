"""Which objects there are, for the tests that nothing is left behind."""

from __future__ import annotations

import gc
from collections import Counter


def txami_objects() -> Counter[str]:
    """Count the objects of txami by the name of their type; a pool has types of the same name."""
    gc.collect()
    found: Counter[str] = Counter()
    for kind, count in Counter(map(type, gc.get_objects())).items():
        if str(kind.__module__).startswith("txami"):
            found[kind.__qualname__] += count
    return found
