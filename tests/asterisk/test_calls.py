"""Calls by the dozen, and what is passed to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import gatherResults

from tests.asterisk.support import AsteriskCase, on_each_server

#: What is dialled, what becomes of it, and the reason that Asterisk gives.
_CALLS = (
    ("Local/100@default/n", "answered", "4"),
    ("Local/101@default/n", "answered", "4"),
    ("Local/1@campaign/n", "answered", "4"),
    ("Local/102@default/n", "busy", "5"),
    ("Local/103@default/n", "no answer", "3"),
    ("Local/104@default/n", "congestion", "8"),
    ("Local/none@default/n", "failed", "0"),
    ("Local/100@none/n", "failed", "0"),
    ("NoSuchTech/100", "failed", "0"),
    ("PJSIP/none", "failed", "0"),
)

#: What the dialplan, the splitter of arguments, a configuration file, or a line of AMI takes for syntax.
_SYNTAX = st.text(list("\\,\"'()[]{}<>${};:=|^&%#!?*~@+-_./ \t`aB1"), max_size=40)
_WORDS = ("${EXTEN}", "${", "}", "$[1+1]", "$$", "\\\\", '\\"', "a,b", "V0=x", "__V0=x", "\\n", "\\x2c", "%2C", "^{a}")
_PHRASES = st.lists(st.sampled_from(_WORDS) | _SYNTAX, max_size=4).map("".join)
#: Whatever can be sent: no half surrogates, nothing that ends a line.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=100)
_VALUES = st.just("") | _SYNTAX | _PHRASES | _TEXT


def generated(count: int) -> list[str]:
    """Return values to pass to a call; others each time."""
    values: list[str] = []

    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_VALUES)
    def collect(value: str) -> None:
        values.append(value)

    while len(values) < count:
        collect()
    return values[:count]


def batches(values: Sequence[str], size: int) -> Iterator[dict[str, str]]:
    """Yield the values in batches, each with names."""
    for start in range(0, len(values), size):
        yield {f"V{number}": value for number, value in enumerate(values[start : start + size])}


@on_each_server
class ManyCalls(AsteriskCase):
    async def test_twenty_at_once_with_mixed_outcomes(self) -> None:
        ami = await self.connect()
        placed = await gatherResults(
            [ami.originate(channel, application="Wait", data="0.2", ring_time=3) for channel, _, _ in _CALLS * 2]
        )
        outcomes = await gatherResults([call.outcome for call in placed])
        said = [(outcome.status, outcome.event["Reason"]) for outcome in outcomes]
        self.assertEqual(said, [(status, reason) for _, status, reason in _CALLS * 2])
        # Each was told of its own call.
        self.assertEqual([outcome.event["Uniqueid"] for outcome in outcomes], [call.uniqueid for call in placed])
        self.assertEqual(len({call.uniqueid for call in placed}), len(placed))
        await gatherResults([call.ended for call in placed])
        self.assertEqual((ami.pending, ami.counters.late, ami.counters.unmatched), (0, 0, 0))


@on_each_server
class ManyVariables(AsteriskCase):
    async def test_the_dialplan_reads_what_was_passed(self) -> None:
        ami = await self.connect()
        changed = []
        for variables in batches(generated(500), 20):
            call = await ami.originate("Local/100@default/n", application="Wait", data="60", variables=variables)
            channel = (await call.outcome).channel
            read = await gatherResults([ami.action("Getvar", Channel=channel, Variable=name) for name in variables])
            for value, reply in zip(variables.values(), read, strict=True):
                if reply["Value"] != value:
                    changed.append((value, reply["Value"]))
            await call.hangup()
        self.assertEqual(changed, [])
