"""
Build ``txami/catalogue.json`` from the documentation that installed servers carry.

::

    python tools/build_catalogue.py txami/catalogue.json 16.28.0=OLD/core-en_US.xml 22.10.1=NEW/core-en_US.xml

Only names, classes and versions are taken, no text.  What the documentation does not say is in ``facts.py``; the
write classes are those that real servers named in reply to ``ListCommands`` (``listcommands``).  Where these
disagree nothing is written.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, parse

import facts

HERE: Final = Path(__file__).parent
# It need not be installed to be built.
sys.path.insert(0, str(HERE.parent))

from txami.catalogue import in_version  # noqa: E402

INCLUDE: Final = "{http://www.w3.org/2001/XInclude}include"
Entry = dict[str, Any]


class Documentation:
    """
    What one version documents.

    :param version: the release.
    :param path: its ``core-en_US.xml``.
    """

    def __init__(self, version: str, path: Path) -> None:
        self.version = version
        self._root = parse(path).getroot()

    def actions(self) -> Iterator[tuple[str, Element]]:
        """Yield the actions; those of alternative modules come several times."""
        for element in self._root.findall("manager"):
            if element.get("name") not in facts.PHANTOMS:
                yield element.get("name", ""), element

    def events(self) -> Iterator[tuple[str, Element]]:
        """Yield the events by their name on the wire, also those within actions."""
        for element in self._root.iter("managerEvent"):
            name = element.get("name", "")
            yield facts.SPELLINGS.get(name, name), element

    def parameters(self, syntax: Element | None) -> Iterator[Element]:
        """Yield the parameters and snapshots of a syntax, what it includes among them."""
        for child in syntax if syntax is not None else ():
            if child.tag == INCLUDE:
                yield from self._included(child.get("xpointer", ""))
            elif child.tag in ("parameter", "channel_snapshot", "bridge_snapshot"):
                yield child

    def _included(self, pointer: str) -> Iterator[Element]:
        """Yield what an ``xpointer(/docs/...)`` points at."""
        path = pointer.removeprefix("xpointer(").removesuffix(")").lstrip("/").removeprefix("docs/")
        part = re.search(r"\[contains\(@name, '(.*)'\)\]", path)
        for element in self._root.findall(path.replace(part.group(), "") if part else path):
            if part is None or part.group(1) in element.get("name", ""):
                yield element


class Builder:
    """
    Puts the catalogue together.

    :param documentations: the oldest first; the newest has the last word.
    :ivar problems: where the sources disagree.
    """

    def __init__(self, documentations: list[Documentation]) -> None:
        self._documentations = documentations
        self._listed = {path.stem: _list_commands(path) for path in sorted(HERE.glob("listcommands/*.txt"))}
        self.problems: list[str] = []

    def build(self) -> dict[str, Any]:
        """Return the catalogue."""
        actions = self._actions()
        return {
            "snapshots": {"@": facts.CHANNEL, "#": facts.BRIDGE},
            "actions": _by_name(actions),
            "events": _by_name(self._events(actions)),
        }

    # -- actions -------------------------------------------------------------------------------------------

    def _actions(self) -> dict[str, Entry]:
        actions: dict[str, Entry] = {}
        for documentation in self._documentations:
            for name, element in documentation.actions():
                actions[name] = self._merge_action(actions.get(name, {}), documentation, element)
        for name, (required, optional, classes, since, until) in facts.FORGOTTEN.items():
            entry = {"required": required, "optional": optional, "privilege": classes, "since": since, "until": until}
            self._add(actions, name, entry)
        for name, (since, until) in facts.GONE.items():
            actions[name].update(since=since, until=until)
        for name in facts.FREE:
            actions[name]["free"] = True
        for name, header in facts.HEADERS.items():
            actions[name]["optional"] = _join(actions[name]["optional"].split(), [header])
        self._add_privileges(actions)
        self._add_replies(actions)
        self._check_versions("action", actions, {d.version: {n for n, _ in d.actions()} for d in self._documentations})
        return actions

    def _merge_action(self, older: Entry, documentation: Documentation, element: Element) -> Entry:
        """Return an action as this documentation has it, with the headers that an older one had besides."""
        required: list[str] = []
        optional: list[str] = []
        for parameter in documentation.parameters(element.find("syntax")):
            header = parameter.get("name", "")
            if header not in ("ActionID", *facts.PLACEHOLDERS):
                (required if parameter.get("required") in ("true", "yes") else optional).append(header)
        more = older.get("required", "").split() + older.get("optional", "").split()
        optional += [header for header in more if header not in required]
        return {"required": _join(required), "optional": _join(optional), "since": _since(element.find("since"))}

    def _add_privileges(self, actions: dict[str, Entry]) -> None:
        for listed in self._listed.values():
            for name, classes in listed.items():
                if actions[name].setdefault("privilege", classes) != classes:
                    self.problems.append(f"{name}: the servers disagree about its classes")
        for name, classes in facts.CLASSES.items():
            if actions[name].setdefault("privilege", classes) != classes:
                self.problems.append(f"{name}: facts.CLASSES disagrees with the servers")
        self.problems += [f"{name}: no classes" for name, entry in actions.items() if "privilege" not in entry]

    def _add_replies(self, actions: dict[str, Entry]) -> None:
        """Say what answers each action; what is not in the facts is answered by one response."""
        for kind, table in (
            ("list", facts.LISTS),
            ("response or list", facts.LISTS_FOR_PATTERNS),
            ("response and event", {name: ("", event) for name, event in facts.ENDED_BY_EVENT.items()}),
            ("response, outcome later", facts.TOLD_LATER),
            ("text", dict.fromkeys(facts.UNFRAMED, ("", ""))),
        ):
            for name, (items, completion) in table.items():
                actions[name].update(reply=kind, items=items, completion=completion)
        for documentation in self._documentations:
            for name, element in documentation.actions():
                self._check_reply(actions[name], name, element)

    def _check_reply(self, entry: Entry, name: str, element: Element) -> None:
        """Compare with the documentation, which describes the replies of a few actions."""
        responses = element.find("responses")
        if responses is None:
            return
        items = [_event_name(each) for each in responses.find("list-elements") or ()]
        completion = [_event_name(each) for each in responses if each.tag != "list-elements"]
        if set(items) != set(entry.get("items", "").split()) or completion != [entry.get("completion")]:
            self.problems.append(f"{name}: the documentation has another reply: {items} {completion}")

    # -- events --------------------------------------------------------------------------------------------

    def _events(self, actions: dict[str, Entry]) -> dict[str, Entry]:
        events: dict[str, Entry] = {}
        for documentation in self._documentations:
            for name, element in documentation.events():
                for instance in element.findall("managerEventInstance"):
                    events[name] = self._merge_event(events.get(name, {}), documentation, instance)
        for name, until in facts.GONE_EVENTS.items():
            events[name]["until"] = until
        for name, (classes, headers, since, until) in facts.FORGOTTEN_EVENTS.items():
            self._add(events, name, {"classes": classes, "headers": headers, "since": since, "until": until})
        for name, (classes, headers, since) in facts.UNDOCUMENTED.items():
            self._add(events, name, {"classes": classes, "headers": headers, "since": since})
        for name, classes in facts.EVENT_CLASSES.items():
            events[name]["classes"] = classes
        self._add_parts(events, actions)
        for name in facts.FREE_EVENTS:
            events[name]["free"] = True
        for name, headers in facts.EVENT_HEADERS.items():
            events[name]["headers"] = _join(events[name]["headers"].split(), headers.split())
        documented = {d.version: {name for name, _ in d.events()} for d in self._documentations}
        self._drop_late_since(events, documented)
        self._check_versions("event", events, documented)
        return events

    def _merge_event(self, older: Entry, documentation: Documentation, instance: Element) -> Entry:
        """Return an event as this documentation has it, with the headers that an older one had besides."""
        headers = []
        for parameter in documentation.parameters(instance.find("syntax")):
            mark = {"channel_snapshot": "@", "bridge_snapshot": "#"}.get(parameter.tag)
            headers.append(mark + parameter.get("prefix", "") if mark else parameter.get("name", ""))
        since = _since(*instance.iter("since"))
        classes = instance.get("class", "").removeprefix("EVENT_FLAG_").lower()
        return {
            "classes": classes,
            "headers": _join(headers, older.get("headers", "").split()),
            "since": since or older.get("since", ""),
        }

    def _add_parts(self, events: dict[str, Entry], actions: dict[str, Entry]) -> None:
        """Say which events are parts of replies; nothing but the reply itself brings those, whatever the class."""
        for action, entry in _by_name(actions).items():
            items, completion = entry.get("items", "").split(), entry.get("completion", "")
            for name in items:
                self._add_part(events, name, "item_of", action, entry)
            if completion:
                self._add_part(events, completion, "completes", action, entry)

    def _add_part(self, events: dict[str, Entry], name: str, role: str, action: str, entry: Entry) -> None:
        later = entry["reply"] == "response, outcome later"
        if name not in events:
            headers = facts.ITEMS.get(name)
            if role == "item_of" and headers is None:
                self.problems.append(f"{name}: an item of {action} without headers")
            events[name] = {"headers": headers or "", "since": entry["since"], "until": entry.get("until")}
        event = events[name]
        event[role] = _join(event.get(role, "").split(), [action])
        if not later and name not in facts.BROADCAST_ITEMS:
            event["classes"] = ""
            event["headers"] = _join(header for header in event["headers"].split() if header != "ActionID")
        if role == "completes" and entry["reply"] in ("list", "response or list"):
            event["headers"] = _join(event["headers"].split(), ["EventList", "ListItems"])
        if not entry.get("until") and event.get("until") and name not in facts.GONE_EVENTS:
            del event["until"]

    def _drop_late_since(self, events: dict[str, Entry], documented: dict[str, set[str]]) -> None:
        """Drop a ``since`` that an older documentation disproves: then it is that of the newer documentation."""
        for version, names in documented.items():
            for name in names:
                if not in_version(version, events[name]["since"].split(), None):
                    events[name]["since"] = ""

    # -- both ----------------------------------------------------------------------------------------------

    def _add(self, entries: dict[str, Entry], name: str, entry: Entry) -> None:
        if name in entries:
            self.problems.append(f"{name}: the facts say that it is not documented, but it is")
        entries[name] = entry

    def _check_versions(self, kind: str, entries: dict[str, Entry], documented: dict[str, set[str]]) -> None:
        """Compare the releases with the versions that document or list them."""
        newest = self._documentations[-1].version
        for version, names in documented.items():
            listed = self._listed.get(version.split(".")[0], {}) if kind == "action" else {}
            for name in names | set(listed):
                since, until = entries[name].get("since", "").split(), entries[name].get("until")
                if not in_version(version, since, until):
                    self.problems.append(f"{name}: {kind} of {version}, but said to be of {since} to {until}")
        for name in set().union(*documented.values()) - documented[newest]:
            if not entries[name].get("until"):
                self.problems.append(f"{name}: {kind} that {newest} does not document; until when was it?")


def _by_name(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Return the entries in order, without what is empty."""
    order = sorted(entries, key=str.lower)
    return {name: {key: value for key, value in entries[name].items() if value} for name in order}


def _join(*names: Iterable[str]) -> str:
    """Return names in one string, each once; case does not count, as to Asterisk it does not."""
    once: dict[str, str] = {}
    for name in chain(*names):
        once.setdefault(name.lower(), name)
    return " ".join(once.values())


def _since(*elements: Element | None) -> str:
    """Return the releases of ``<since>`` elements in order."""
    texts = {each.text or "" for element in elements if element is not None for each in element.iter("version")}
    return " ".join(sorted(texts, key=lambda text: tuple(map(int, text.split(".")))))


def _event_name(element: Element) -> str:
    """Return the name of an event in ``<responses>``, which may be included from elsewhere."""
    found = re.search(r"managerEvent\[@name='(\w+)'\]", element.get("xpointer", ""))
    return found.group(1) if found else element.get("name", "")


def _list_commands(path: Path) -> dict[str, str]:
    """Return the write classes of each action in a reply to ``ListCommands``."""
    found = re.findall(r"^(\w+): .*\(Priv: (.*)\)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: " ".join(each for each in text.split(",") if each not in ("all", "<none>")) for name, text in found}


def dump(catalogue: dict[str, Any]) -> str:
    """Return the catalogue as JSON, an entry a line, so that changes are seen."""
    parts = []
    for title, entries in catalogue.items():
        lines = [f"{json.dumps(name)}:{json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items()]
        parts.append(f'"{title}":{{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: list[str]) -> int | str:
    """
    Do what the command line says.

    :return: the exit status, or what is wrong.
    """
    if len(arguments) < 2 or not all("=" in each for each in arguments[1:]):
        return "usage: build_catalogue.py OUT VERSION=core-en_US.xml ..., the oldest version first"
    pairs = (each.split("=", 1) for each in arguments[1:])
    builder = Builder([Documentation(version, Path(path)) for version, path in pairs])
    text = dump(builder.build())
    if builder.problems:
        return "\n".join(builder.problems)
    Path(arguments[0]).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
