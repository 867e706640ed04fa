"""Messages as Asterisk writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..message import encode

Headers = Mapping[str, object] | Iterable[tuple[str, object]]

#: What ends a message.
END = b"\r\n\r\n"


def pairs(headers: Headers) -> list[tuple[str, object]]:
    """Return headers, in whatever form they were given, as pairs."""
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def render(headers: Headers) -> bytes:
    """Return a message as Asterisk writes it."""
    return encode("".join(f"{name}: {value}\r\n" for name, value in pairs(headers))) + b"\r\n"


def render_event(name: str, privilege: str, headers: Headers) -> bytes:
    """Return an event that is queued for all sessions (``main/manager.c: __manager_event_sessions_va``)."""
    return render([("Event", name), ("Privilege", f"{privilege},all"), *pairs(headers)])


def from_script(text: str | bytes, action_id: str) -> bytes:
    """
    Return what a test wrote down, as it goes on the wire.

    :param text: text gets CRLF, and the blank line at its end; bytes are sent as they are.
    :param action_id: takes the place of ``{ActionID}``.
    """
    if isinstance(text, str):
        text = encode(text.strip("\n").replace("\n", "\r\n") + "\r\n\r\n")
    return text.replace(b"{ActionID}", encode(action_id))


def messages(data: bytes) -> list[bytes]:
    """Cut what is written into messages, each with its end; the last piece may be none."""
    *whole, rest = data.split(END)
    return [message + END for message in whole] + ([rest] if rest else [])
