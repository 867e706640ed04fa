"""What the page about transcripts tells a user to type, typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from tests.test_readme import HOME, Reader, blocks, reader
from txami import Transcript, cli
from txami.replay import Replay

__all__ = ["reader"]

PAGE = HOME / "docs" / "transcript.rst"


def test_the_page_about_transcripts(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connecting, more, replaying = blocks(PAGE)
    reader.type(connecting)
    reader.network.result_of(reader.names["ami"].logoff())
    lines = (tmp_path / "ami.log").read_text().splitlines()
    taken = [line.split(" ", 1)[1] for line in lines]
    assert taken[0] == "-- opened"
    assert taken[1] == "<< Asterisk Call Manager/11.0.0"
    assert ">> Secret: <blotted>" in taken
    assert "<< Response: Goodbye" in taken

    reader.type(more)
    assert isinstance(reader.names["transcript"], Transcript)

    (tmp_path / "ami.log").rename(tmp_path / "session.ami")
    reader.names["clock"] = Clock()
    reader.type(replaying)
    assert isinstance(reader.names["server"], Replay)


def test_its_command_lines_are_understood() -> None:
    lines = re.findall(r"^    txami (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    parsed = [cli.build_parser().parse_args(shlex.split(line)) for line in lines]
    assert [options.run.__name__.strip("_") for options in parsed] == ["record", "replay"]
    assert (parsed[0].profile, parsed[1].port) == ("office", 5555)
