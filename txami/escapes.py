"""The escapes that Asterisk writes into some values, undone."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_CHARACTERS: Final = dict(zip("abfnrtv\\'\"?", "\a\b\f\n\r\t\v\\'\"?", strict=True))


def unescape(value: str) -> str:
    r"""
    Undo the escapes of C that Asterisk writes into some values (``main/utils.c: ast_escape_c``).

    Since 12 and 13.5 it does so in ``CallerIDName``, ``ConnectedLineName`` and ``ChanVariable`` of a channel's
    events, and in ``Value`` of ``VarSet``: there ``O'Brien`` arrives as ``O\'Brien``.  All other values arrive as
    they are, the same variable in ``Getvar`` for one, so this is left to who knows which one he reads.

    :param value: such a value.
    :return: what it was; a sequence that Asterisk does not write is kept.
    """
    return _ESCAPE.sub(lambda found: _CHARACTERS.get(found[1], found[0]), value)
