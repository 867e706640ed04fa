"""What a file of Asterisk's configuration says."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final

from ..message import Response
from ..records import record

#: The headers of the reply, numbered by category and line (``main/manager.c: action_getconfig``).
_HEADER: Final = re.compile(r"(Category|IsTemplate|Templates|Line)-(\d+)(?:-\d+)?", re.IGNORECASE)


@record(frozen=True)
class ConfigCategory:
    """
    A category of a file: what stands behind ``[name]``.

    A ``repr`` shows no values, for some files hold secrets.

    :ivar name: the category's.
    :ivar is_template: whether it is only there for others to be made from.
    :ivar templates: the names of the templates that it is made from.
    :ivar lines: each name and its value, in their order, those of the templates first.
    """

    name: str
    is_template: bool = False
    templates: tuple[str, ...] = ()
    lines: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of a name, which is the one that holds in most files, or the default."""
        values = self.get_all(name)
        return values[-1] if values else default

    def get_all(self, name: str) -> list[str]:
        """Return all values of a name."""
        return [value for each, value in self.lines if each.lower() == name.lower()]


def read_config(response: Response) -> list[ConfigCategory]:
    """Read the reply to ``GetConfig``."""
    names: dict[str, str] = {}
    templates: dict[str, tuple[str, ...]] = {}
    are_templates: set[str] = set()
    lines: dict[str, list[tuple[str, str]]] = {}
    for header, value in response.items():
        found = _HEADER.fullmatch(header)
        if found is None:
            continue
        kind, number = found[1].lower(), found[2]
        if kind == "category":
            names[number] = value
        elif kind == "istemplate":
            are_templates.add(number)
        elif kind == "templates":
            templates[number] = tuple(value.split(","))
        else:
            name, _, text = value.partition("=")
            lines.setdefault(number, []).append((name, text))
    return [
        ConfigCategory(name, number in are_templates, templates.get(number, ()), lines.get(number, []))
        for number, name in names.items()
    ]
