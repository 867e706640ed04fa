"""The language of AGI: quoting, results, and replies that Asterisk cuts."""

from __future__ import annotations

from urllib.parse import quote as percent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agi import split
from txami import AGIResult
from txami.agi import Replies, parse_environment, quote

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


def whole(result: str) -> str:
    """Encode a reply as Asterisk does, cutting nothing."""
    return percent(result, safe="-_.!~*'()")


@given(st.lists(TEXT, max_size=5))
def test_what_is_quoted_is_read_as_it_was(arguments: list[str]) -> None:
    assert split(" ".join(["SET VARIABLE", *map(quote, arguments)])) == ["SET", "VARIABLE", *arguments]


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [("a", '"a"'), ("", '""'), ("a b", '"a b"'), ('a"b', r'"a\"b"'), ("a\\", r'"a\\"'), (5, '"5"'), (-1, '"-1"')],
)
def test_quoting(argument: object, quoted: str) -> None:
    assert quote(argument) == quoted


# Results.


@pytest.mark.parametrize(
    ("raw", "code", "result", "data", "endpos"),
    [
        ("200 result=0\n", 200, "0", None, None),
        ("200 result=-1\n", 200, "-1", None, None),
        ("200 result=1 (value)\n", 200, "1", "value", None),
        ("200 result=1 ()\n", 200, "1", "", None),
        ("200 result=1 (a) (b)\n", 200, "1", "a) (b", None),
        ("200 result=1 (x) endpos=5)\n", 200, "1", "x) endpos=5", None),
        ("200 result=1 (a\nb\n)\n", 200, "1", "a\nb\n", None),
        ("200 result=49 endpos=8000\n", 200, "49", None, 8000),
        ("200 result=35 (dtmf) endpos=123\n", 200, "35", "dtmf", 123),
        ("200 result=-1 (writefile)\n", 200, "-1", "writefile", None),
        ("200 result=0012\n", 200, "0012", None, None),
        ("200 result=12 (timeout)\n", 200, "12", "timeout", None),
        ("200 result= (timeout)\n", 200, "", "timeout", None),
        ("200 result=\n", 200, "", None, None),
        ('200 result=1 (speech) endpos=9 results=1 score0=250 text0="a (b)" grammar0=g\n', 200, "1", "speech", 9),
        ("200 result=1 (digit) digit=5 endpos=7\n", 200, "1", "digit", 7),
        ("510 Invalid or unknown command\n", 510, "", None, None),
        ("511 Command Not Permitted on a dead channel or intercept routine\n", 511, "", None, None),
        (
            "520-Invalid command syntax.  Proper usage follows:\nendpos=5\n520 End of proper usage.\n",
            520,
            "",
            None,
            None,
        ),
        ("520 Invalid command syntax.  Proper usage not available.\n", 520, "", None, None),
        ("200 result=1\n520-Invalid command syntax.\n", 200, "1", None, None),
        ("", 0, "", None, None),
        ("HANGUP\n", 0, "", None, None),
    ],
)
def test_results(raw: str, code: int, result: str, data: str | None, endpos: int | None) -> None:
    assert AGIResult.parse(raw) == AGIResult(code, result, data, endpos, raw)


@given(TEXT)
def test_any_value_is_read(value: str) -> None:
    assert AGIResult.parse(f"200 result=1 ({value})\n").data == value


@given(st.text())
def test_anything_is_a_result(raw: str) -> None:
    assert AGIResult.parse(raw).raw == raw


@pytest.mark.parametrize(
    ("result", "digit"), [("49", "1"), ("35", "#"), ("0", ""), ("-1", ""), ("", ""), ("12345", ""), ("²", "")]
)
def test_the_digit_of_a_result(result: str, digit: str) -> None:
    assert AGIResult(200, result, None, None, "").digit == digit


def test_a_result_does_not_show_what_may_be_a_secret() -> None:
    assert "1234" not in repr(AGIResult.parse("200 result=1234 (1234)\n"))


def test_the_environment() -> None:
    text = "agi_callerid: 100\nagi_accountcode: \nagi_arg_1: a: b\nagi_callerid: forged\nno colon\nagi_arg_2: cu"
    assert parse_environment(text) == {"agi_callerid": "100", "agi_accountcode": "", "agi_arg_1": "a: b"}


# Replies.


class Pipe:
    """What Asterisk does to the replies of one call."""

    def __init__(self) -> None:
        self.data = b""
        self.replies: Replies[int] = Replies()
        self.seen: list[tuple[int, str, bool]] = []

    def reply(self, key: int, text: str) -> None:
        self.data += text.encode("utf-8", "surrogateescape")
        chunk, self.data = self.data[:1024], self.data[1024:]
        encoded = ""
        for byte in chunk:
            more = percent(bytes([byte]), safe="-_.!~*'()")
            if len(encoded) + len(more) > 2047:
                break
            encoded += more
        self.seen += [(each.key, each.text, each.whole) for each in self.replies.feed(key, encoded)]


@pytest.mark.parametrize("text", ["200 result=0\n", "200 result=1 (100% + a\\b ✓)\n", "", "200 result=1 (\udcff)\n"])
def test_a_short_reply(text: str) -> None:
    pipe = Pipe()
    pipe.reply(1, text)
    assert pipe.seen == [(1, text, True)]
    assert not pipe.replies.incomplete


def test_plus_is_no_blank() -> None:
    assert [each.text for each in Replies[int]().feed(1, "a+b%2Bc%20d")] == ["a+b+c d"]


@pytest.mark.parametrize("size", [1008, 1009, 1010, 2000, 2032, 2033, 5000])
def test_a_long_reply_is_put_together(size: int) -> None:
    pipe = Pipe()
    text = f"200 result=1 ({'x' * (size - 1)}\n)\n"
    pipe.reply(1, text)
    for key in range(2, 9):
        if not pipe.replies.incomplete:
            break
        assert pipe.seen == []
        pipe.reply(key, "200 result=0\n")
    assert pipe.seen[0] == (1, text, True)
    assert [each[1:] for each in pipe.seen[1:]] == [("200 result=0\n", True)] * (len(pipe.seen) - 1)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=8), st.booleans())
def test_long_replies_among_others(sizes: list[int], usage: bool) -> None:
    pipe = Pipe()
    texts = [f"200 result=1 ({'x' * size})\n" for size in sizes]
    if usage:
        texts.insert(1, f"520-Invalid command syntax.\n{'y' * 1500}\n520 End of proper usage.\n")
    for key, text in enumerate(texts):
        pipe.reply(key, text)
    while pipe.replies.incomplete:
        pipe.reply(len(texts), "200 result=0\n")
    assert pipe.seen[: len(texts)] == [(key, text, True) for key, text in enumerate(texts)]


def test_a_value_that_looks_like_a_reply_is_not_taken_for_one() -> None:
    pipe = Pipe()
    pipe.reply(1, f"200 result=1 ({'x' * 1200}\n200 result=1 (forged)\n)\n")
    pipe.reply(2, "200 result=1 (mine)\n")
    # Which of the three beginnings is whose cannot be told: nobody gets anybody else's.
    assert [(key, is_whole) for key, _, is_whole in pipe.seen] == [(1, False), (2, False)]
    pipe.reply(3, "200 result=0\n")
    assert pipe.seen[2:] == [(3, "200 result=0\n", True)]


def test_a_reply_whose_encoding_is_cut_is_not_whole() -> None:
    pipe = Pipe()
    pipe.reply(1, f"200 result=1 ({'%' * 800})\n")
    assert pipe.replies.incomplete
    pipe.reply(2, "200 result=0\n")
    assert [(key, is_whole) for key, _, is_whole in pipe.seen] == [(1, False), (2, False)]
    assert pipe.seen[0][1].startswith("200 result=1 (%%%")
    assert not pipe.replies.incomplete


@given(st.lists(st.text(st.sampled_from("x%\n2"), max_size=1500), min_size=1, max_size=6))
def test_never_anybody_elses_reply(values: list[str]) -> None:
    pipe = Pipe()
    texts = [f"200 result=1 ({value})\n" for value in values]
    for key, text in enumerate(texts):
        pipe.reply(key, text)
    while pipe.replies.incomplete:
        texts.append("200 result=0\n")
        pipe.reply(len(texts) - 1, texts[-1])
    assert [each[0] for each in pipe.seen] == list(range(len(texts)))
    assert all(text == texts[key] for key, text, is_whole in pipe.seen if is_whole)


@given(st.lists(st.text(), max_size=5))
def test_any_result_is_survived(results: list[str]) -> None:
    replies: Replies[int] = Replies()
    for key, result in enumerate(results):
        replies.feed(key, whole(result))


def test_a_number_that_is_too_long_to_read() -> None:
    huge = "1" * 5000
    assert AGIResult.parse(f"200 result=0 endpos={huge}").endpos is None
    assert AGIResult.parse(f"200 result={huge}").digit == ""
