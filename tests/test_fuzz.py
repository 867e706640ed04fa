"""What searches have found of interest, and mutations of it: everything that must hold does."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
from twisted.internet.defer import succeed

from fuzz import connection, corpus, rooms
from fuzz.corpus import MAX_SIZE
from fuzz.mutations import mutations
from fuzz.steps import step, steps
from fuzz.targets import TARGETS
from txami import Response
from txami.wire import Framer

#: How many mutations of each target's inputs are tried; some are slower than others.
MUTATIONS: Final = {
    "framer": 1500,
    "message": 300,
    "wire": 3000,
    "replies": 1500,
    "agi": 700,
    "escapes": 3000,
    "protocol": 400,
    "login": 700,
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_saved_inputs(name: str) -> None:
    inputs = corpus.load(name)
    assert inputs, f"python -m fuzz minimise {name}"
    for data in inputs:
        assert len(data) <= MAX_SIZE
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_the_saved_inputs(name: str) -> None:
    for data in mutations(corpus.load(name), MUTATIONS[name]):
        try:
            TARGETS[name](data)
        except Exception as error:
            raise AssertionError(f"{name} fails on {data!r}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds(name: str) -> None:
    for data in corpus.seeds(name)[::4]:
        TARGETS[name](data)


def test_the_archives_are_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in corpus.ARCHIVES.glob("*.zip")}
    assert set(sizes) == set(TARGETS)
    assert sum(sizes.values()) < 300 * 1024, sizes


def test_an_archive_keeps_what_is_saved(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "ARCHIVES", tmp_path)
    assert corpus.load("escapes") == []
    path = corpus.save("escapes", [b"a", b"", b"a"])
    first = path.read_bytes()
    assert sorted(corpus.load("escapes")) == [b"", b"a"]
    corpus.save("escapes", [b"", b"a"])
    assert path.read_bytes() == first


def test_the_same_mutations_every_time() -> None:
    inputs = [b"Event: Hangup\r\n\r\n", b"Response: Success\r\n\r\n"]
    made = list(mutations(inputs, 200))
    assert made == list(mutations(inputs, 200))
    assert len(set(made)) > 150


def test_steps() -> None:
    data = b"abc" + step(2, 3, b"de") + step(15, 14) + b"\xff\xfff"
    assert list(steps(data)) == [(0, 0, b"abc"), (2, 3, b"de"), (15, 14, b""), (0, 0, b"\xff"), (6, 6, b"")]


# In a process of its own: here the log is kept, and with it what it tells of.
LEFT_BEHIND: Final = """
from twisted.logger import globalLogBeginner
globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
from fuzz import connection, corpus
from tests.census import txami_objects
inputs = corpus.load("protocol")[:40]
for data in inputs:
    connection.protocol(data)
before = txami_objects()
for data in inputs:
    connection.protocol(data)
left = txami_objects() - before
del left["Layout"]  # what is remembered of messages of a kind, within bounds
assert not left, left
"""


def test_nothing_is_left_behind() -> None:
    subprocess.run([sys.executable, "-c", LEFT_BEHIND], cwd=corpus.ARCHIVES.parent.parent, check=True)


# The targets can fail.


class _Forgetful(Framer):
    def feed(self, data: bytes) -> list[bytes]:
        return super().feed(data.replace(b"\n\n", b"\n"))


class _Impatient(Framer):
    def feed(self, data: bytes) -> list[bytes]:
        whole = super().feed(data)
        return whole + super().feed(b"\r\n\r\n") if data.endswith(b"x") else whole


@pytest.mark.parametrize("broken", [_Forgetful, _Impatient])
def test_a_framer_that_is_broken(broken: type[Framer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "Framer", broken)
    with pytest.raises(AssertionError):
        rooms.framer(b"\0Event: a\r\nb: \n\nx\xffy\r\n\r\n")


def test_a_decoder_that_does_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "unescape", lambda value: value.encode().decode("unicode_escape"))
    with pytest.raises(AssertionError):
        rooms.escapes("\\q é".encode())


def test_an_answer_to_another_action() -> None:
    answer = Response(b"Response: Success\r\nActionID: b")
    with pytest.raises(AssertionError):
        connection.check_outcome(connection.Result(succeed(answer), b"a", "ping"))
    connection.check_outcome(connection.Result(succeed(answer), b"b", "ping"))
