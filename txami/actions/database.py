"""Asterisk's own database: families of keys and values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted.internet.defer import Deferred

from ..errors import InvalidAction
from ..message import encode
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import done, exact, succeeded, unless

#: Bytes of a value at which DBGet of Asterisk 16 cuts it (``main/db.c: manager_dbget`` has a buffer of 256); the
#: whole trees are not cut.
_CUT: Final = 255


class DatabaseActions(ActionBase):
    """Asterisk's own database: families of keys and values."""

    def db_get(self, family: str, key: str) -> Deferred[str | None]:
        """
        Read an entry.

        :param family: such as ``"cidname"``.
        :param key: such as ``"100"``.
        :return: fires with its value, ``None`` if there is no such entry.
        """

        async def read() -> str | None:
            response = await unless(self.action("DBGet", Family=family, Key=key), "Database entry not found")
            if response is None:
                return None
            # Before Asterisk 13.2 the only item is what ends the reply, see UNMARKED_LISTS of txami.replies.
            entry = next(iter(response.events), response.completion)
            value = "" if entry is None else entry.get("Val", "")
            if len(encode(value)) == _CUT:
                return (await self.db_tree(family, key)).get(key, value)
            return value

        return Deferred.fromCoroutine(read())

    def db_put(self, family: str, key: str, value: object) -> Deferred[None]:
        """
        Write an entry.

        :param family: see :meth:`db_get`.
        :param key: likewise.
        :param value: stored as ``str()`` shows it.
        :raises InvalidAction: at once, if the value begins with a blank, which cannot be sent.
        """
        return done(self.action("DBPut", Family=family, Key=key, Val=exact("db_put", value)))

    def db_delete(self, family: str, key: str) -> Deferred[bool]:
        """
        Delete an entry.

        :param family: see :meth:`db_get`.
        :param key: likewise.
        :return: fires with whether there was one; before 16.28 and 18.14 it is true in any case.
        """
        # The second is that of the database before Asterisk 10 (main/db.c: manager_dbdel).
        deleted = self.action("DBDel", Family=family, Key=key)
        return succeeded(deleted, "Database entry could not be deleted", "Database entry not found")

    def db_delete_tree(self, family: str, key: str | None = None) -> Deferred[bool]:
        """
        Delete all entries of a family, or those below a key.

        Asterisk looks for the family by SQLite's ``LIKE`` (``main/db.c: deltree_stmt``): upper and lower case
        are the same, and ``_`` and ``%`` stand for any character and any text, so that ``a_b`` deletes the
        family ``axb`` as well.

        :param family: see :meth:`db_get`.
        :param key: the beginning of the keys, up to a slash.
        :return: fires with whether there were any.
        """
        return succeeded(self.action("DBDelTree", Family=family, Key=key), "Database entry not found")

    def db_tree(
        self, family: str | None = None, key: str | None = None, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[dict[str, str]]:
        """
        Read all entries of a family, or those below a key.

        A server without the action DBGetTree (before 16.28 and 18.14) is asked by a CLI command, which loses
        blanks at the end of a value.

        :param family: exactly this one, unlike :meth:`db_delete_tree`; by default all of them.
        :param key: the beginning of the keys, up to a slash.
        :param timeout: seconds for the whole list.
        :return: fires with the values by key; by ``family/key`` if no family was given.
        :raises InvalidAction: at once, for a key without a family.
        """
        if key is not None and family is None:
            raise InvalidAction("db_tree: a key needs its family")

        async def read() -> dict[str, str]:
            asked = self.action("DBGetTree", Family=family, Key=key, timeout=timeout)
            response = await unless(asked, "Invalid/unknown command")
            if response is None:
                path = "".join(f' "{part}"' for part in (family, key) if part is not None)
                entries = shown((await self.command(f"database show{path}", timeout=timeout)).output)
            else:
                entries = [(event.get("Key", ""), event.get("Val", "")) for event in response.events]
            return _below(family, key, entries)

        return Deferred.fromCoroutine(read())


def _below(family: str | None, key: str | None, entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the entries whose path really begins so, without the family."""
    root = "/" if family is None else f"/{family}/"
    wanted = root if key is None else root + key
    return {
        path.removeprefix(root): value
        for path, value in entries
        if path.startswith(root) and (key is None or path == wanted or path.startswith(wanted + "/"))
    }


def shown(lines: Iterable[str]) -> list[tuple[str, str]]:
    """
    Read what ``database show`` prints: ``%-50s: %-25s`` for each entry, then how many there are
    (``main/db.c: handle_cli_database_show``).
    """
    entries = []
    for line in lines:
        if not line.startswith("/"):
            continue
        # The colon stands at its place unless the key is longer than that.
        at = 50 if line[50:52] == ": " else line.find(": ", 50)
        if at >= 0:
            entries.append((line[:at].rstrip(), line[at + 2 :].rstrip()))
    return entries
