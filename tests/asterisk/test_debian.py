"""Finding the Debian archive in apt's sources."""

from __future__ import annotations

import pathlib

import pytest

from tests.asterisk import debian

ONE_LINE = """
# deb http://old.example.org/debian bookworm main
deb [arch=amd64 signed-by=/a.gpg] https://other.example.org/php bookworm main
deb http://security.example.org/debian-security bookworm-security main
deb cdrom:[Debian]/ bookworm main
deb\t[ arch=amd64 ] http://mirror.example.org/debian/ bookworm main contrib # ours
deb-src http://sources.example.org/debian bookworm main
"""

DEB822 = """
Types: deb
URIs: http://security.example.org/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main

# a comment
Types: deb deb-src
# another
URIs: http://mirror.example.org/debian/
Suites:
 bookworm
 bookworm-updates
Components: main
Signed-By: /a.gpg
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources.list", ONE_LINE),
        ("sources.list.d/debian.list", ONE_LINE),
        ("sources.list.d/debian.sources", DEB822),
    ],
)
def test_the_archive_is_found(tmp_path: pathlib.Path, name: str, text: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    assert debian.mirror(tmp_path) == "http://mirror.example.org/debian/"


def test_a_list_of_mirrors_is_followed(tmp_path: pathlib.Path) -> None:
    mirrors = tmp_path / "mirrors"
    mirrors.write_text("http://first.example.org/debian\nhttp://second.example.org/debian\n")
    (tmp_path / "sources.list").write_text(f"deb mirror+file:{mirrors} bookworm main\n")
    assert debian.mirror(tmp_path) == "http://first.example.org/debian"


def test_no_archive_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(debian.LabError, match="no Debian archive"):
        debian.mirror(tmp_path)
