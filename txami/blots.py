"""
:class:`Blotter`: takes the secrets out of what goes over the wire.

It blots rather than leaves out: a reader sees that there was something, and a replay has the same lines.  Where
it cannot know, it blots too much: a password that shows is worse than a word that is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from .login import Secret
from .message import decode, encode

#: What stands in the place of a secret, whatever its length.
BLOT: Final = b"<blotted>"

#: What makes the name of a header, a variable or a setting that of a secret.  ``Ping`` has a ``pin`` in it, a
#: ``secretary`` is none, and ``UsingPassword`` is a flag of SuccessfulAuth.  Short ones count where a word ends, for
#: programs write ``MYPIN``, and Asterisk ``externpass`` and ``CURLOPT_USERPWD``; of the words of English that end so
#: it has ``bypass`` and ``hairpin``.
_SECRET: Final = (
    rb"secret(?!ar)|(?<!using)passw(?:or)?d|passphrase|passcode|credential|md5_?cred|token|api_?key|authorization|pwd"
    rb"|(?<!by)(?<!com)(?<!sur)(?<!tres)(?<!over)(?<!under)(?<!low)(?<!high)(?<!band)pass(?![a-z])"
    rb"|(?<!\As)(?<![^a-z]s)(?<!hair)(?<!king)(?<!push)(?<!under)(?<!dro)pin(?:code|s)?(?![a-z])"
)

#: Headers of challenges and of the answers to them, in the login and in ``main/security_events.c``.
_CHALLENGES: Final = frozenset({b"challenge", b"receivedchallenge", b"receivedhash", b"expectedresponse"})

#: Headers whose value is the name of what other headers of the same message hold.
_NAMING: Final = {b"variable": b"value", b"family": b"val", b"key": b"val"}

#: Settings whose password has no name: mailboxes of voicemail.conf, agents.conf and meetme.conf of old.
_NAMELESS: Final = re.compile(rb"\d+|agent|conf", re.IGNORECASE)

_CONFIG_LINE: Final = re.compile(rb"((?:\d+|agent|conf)\s*=>?\s*).+", re.IGNORECASE | re.DOTALL)
_JSON_PAIR: Final = re.compile(rb'("([^"\\]*)"\s*:\s*)("(?:[^"\\]|\\.)*"|\[[^\[\]{}]*\])')
_ADDRESS: Final = re.compile(rb"((?://|\bsips?:|\bregister\s?=>?\s?)[^\s:@/]{1,200}:)[^\s@]{1,200}@", re.IGNORECASE)

_COLUMN: Final = re.compile(rb"\s((?:Secret|Password|PIN)(?:\s{2,}|\s*\Z))")

#: The headers that make a message what it is.
_KEYWORDS: Final = frozenset({b"action", b"actionid", b"event", b"response"})

#: One of these, in lower case, is in every message that has anything to blot.
_HINTS: Final = tuple(
    b"secret pass credential md5 token api pwd pin challenge hash expectedresponse key: authenticate // sip: sips: "
    b"register line- json: var- authorization".split()
)

_FOLLOWS: Final = b"Response: Follows\r\n"
_END_COMMAND: Final = b"--END COMMAND--"

Header = tuple[bytes, bytes, bytes]


class Blotter:
    """
    Blots the secrets in one direction of one connection.

    :param secrets: texts to blot wherever they stand, such as the secret of the login.
    :param names: headers and variables to blot besides those that look like it; ``*`` stands for any letters.
    """

    def __init__(self, secrets: Iterable[Secret] = (), names: Iterable[str] = ()) -> None:
        own = b"|".join(map(_glob, names)) or rb"(?!)"
        self._has_own = re.compile(own, re.IGNORECASE).search if own != rb"(?!)" else None
        self._names_secret = re.compile(rb"%b|\A(?:%b)\Z" % (_SECRET, own), re.IGNORECASE).search
        named = rb"(?:(?:%b)[\w()-]{0,40}|(?<!\w)(?:%b))" % (_SECRET, own)
        # PASSWORD=1234, secret => 1234, password : 1234
        self._assigned = re.compile(rb"(%b\s{0,20}(?:=>?|:)\s{0,20}).+" % named, re.IGNORECASE | re.DOTALL)
        # Of AGI and of the CLI: SET VARIABLE PIN 1234, database put family password 1234.
        ordered = rb"((?:set\s(?:variable|global|chanvar\s\S+)|database\sput\s\S+)\s[^\s=]{0,80}?%b\S{0,80}\s).+"
        self._ordered = re.compile(ordered % named, re.IGNORECASE | re.DOTALL)
        literals = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._literals = re.compile(b"|".join(map(_literal, literals)) or rb"(?!)")
        # Inside the raw output of a command of old, which may hold empty lines.
        self._follows = False

    def blot(self, message: bytes) -> bytes:
        """Return a message, or a part of one that an empty line ends, without its secrets."""
        self._follows = self._follows or message.startswith(_FOLLOWS)
        if self._follows:
            self._follows = _END_COMMAND not in message
            # Here a bare LF ends a line, and what comes behind one that is blotted has to stay.
            lines = [_blot_column(line.split(b"\n")) for line in message.split(b"\r\n")]
            return b"\r\n".join([b"\n".join(map(self._blot_line, texts)) for texts in lines])
        if not self._may_have_any(message):
            return message
        if b"\r\nOutput: " in message:
            message = b"\r\n".join(_blot_column(message.split(b"\r\n")))
        headers = [_split(line) for line in message.split(b"\r\n")]
        betrayed = self._betrayed(headers)
        return b"\r\n".join([self._blot_header(header, betrayed) for header in headers])

    def _may_have_any(self, message: bytes) -> bool:
        """Tell whether a closer look is worth its time; most events can be told by this."""
        folded = message.lower()
        return (
            any(hint in folded for hint in _HINTS)
            or self._literals.search(message) is not None
            or (self._has_own is not None and self._has_own(message) is not None)
        )

    def _betrayed(self, headers: list[Header]) -> set[bytes]:
        """Return the names of the headers that hold secrets because another one, or the message, says so."""
        kind, what = headers[0][0].lower(), headers[0][2].lower()
        betrayed = set(_CHALLENGES)
        if not (kind in (b"action", b"event") and what.startswith(b"db")):
            betrayed.add(b"key")  # that of a login; else the name of an entry in Asterisk's database
        if what == b"challengeresponsefailed":
            betrayed.add(b"response")
        for name, _, value in headers:
            name = name.lower()
            if name in _NAMING and self._names_secret(value):
                betrayed.add(_NAMING[name])
            elif name == b"application" and value.lower() == b"authenticate":
                betrayed |= {b"appdata", b"data"}
            elif name.startswith(b"var-") and (self._names_secret(value) or _NAMELESS.fullmatch(value)):
                betrayed |= {b"value" + name[3:], b"match" + name[3:]}
        return betrayed

    def _blot_header(self, header: Header, betrayed: set[bytes]) -> bytes:
        name, separator, value = header
        folded = name.lower()
        if folded in betrayed and value:
            return name + separator + BLOT
        if folded in _KEYWORDS:
            return name + separator + self._literals.sub(BLOT, value)
        if folded == b"json":
            value = _JSON_PAIR.sub(self._blot_pair, value)
        elif folded.startswith(b"line-"):
            value = _CONFIG_LINE.sub(_blot_rest, value, count=1) if _CONFIG_LINE.match(value) else value
        return self._blot_line(name + separator + value)

    def _blot_line(self, line: bytes) -> bytes:
        name, separator, value = _split(line)
        if separator and value and self._names_secret(name.strip()) and b"=" not in name:
            return self._literals.sub(BLOT, name) + separator + BLOT
        for pattern in (self._assigned, self._ordered):
            value = pattern.sub(_blot_rest, value)
        value = _ADDRESS.sub(rb"\1%b@" % BLOT, value)
        return self._literals.sub(BLOT, name + separator + value)

    def _blot_pair(self, found: re.Match[bytes]) -> bytes:
        if self._names_secret(found[2]) or _NAMELESS.fullmatch(found[2]):
            return found[1] + b'"' + BLOT + b'"'
        return found[0]


def _split(line: bytes) -> Header:
    """Return name, separator and value of a line; one without a colon is all value."""
    name, separator, value = line.partition(b":")
    if not separator:
        return b"", b"", line
    return (name, b": ", value[1:]) if value.startswith(b" ") else (name, separator, value)


def _blot_column(lines: list[bytes]) -> list[bytes]:
    """Blot a column of a table that a command printed: ``sip show users`` of old shows the secrets of all."""
    blotted = []
    start = end = 0
    for line in lines:
        if end and line[start:end].strip():
            line = line[:start] + BLOT + b" " + line[end:]
        elif not end and (found := _COLUMN.search(line)):
            start, end = found.start(1), found.end() if found.end() < len(line) else 1 << 16
        blotted.append(line)
    return blotted


def _blot_rest(found: re.Match[bytes]) -> bytes:
    return found[1] + BLOT


def _glob(name: str) -> bytes:
    """Return a pattern for a name in which ``*`` stands for any letters."""
    return re.escape(encode(name)).replace(rb"\*", rb"[\w-]*")


def _literal(secret: bytes) -> bytes:
    """Return a pattern for a secret; a very short one is found in every word, so it has to be one itself."""
    pattern = re.escape(secret)
    return pattern if len(secret) > 3 else rb"(?<![^\W_])%b(?![^\W_])" % pattern


def _forms(secret: Secret) -> set[bytes]:
    """Return a secret in all the ways in which AMI might write it: AGI quotes as URLs do."""
    text = secret.reveal()
    try:
        plain = encode(text)
    except UnicodeEncodeError:
        return set()  # half a surrogate pair, which is refused before it is sent
    escaped = decode(plain).replace("\\", "\\\\").replace('"', '\\"')
    quoted = {quote(plain, safe=""), quote_plus(plain), json.dumps(text)[1:-1], escaped}
    return {plain, *(encode(form) for form in quoted)} - {b""}
