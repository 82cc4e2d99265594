"""Lines are cut the same in whatever parts they come, and judged as one phone is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.phone import FEATURES
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json.lines import LineCutter, Lines, WholeLines, fields_of, judge_lines, members
from pricerange.tables.json.phones import reader_of

EXAMPLE = {feature.name: feature.example for feature in FEATURES}
OPEN = reader_of((), others=True)
NO_JSON = "line: not valid JSON"
DEEP = b"[" * 100_000 + b"]" * 100_000


def blocks(parts: list[bytes]) -> list[WholeLines]:
    cutter = LineCutter(20)
    found = [block for part in parts for block in cutter.feed(part)] + list(cutter.end())
    assert all(sum(map(len, block.lines().texts)) <= 20 for block in found)
    assert [block.stop for block in found] == [
        sum(len(before.text) for before in found[: k + 1]) for k in range(len(found))
    ]
    return found


def lines(parts: list[bytes]) -> list[tuple[bytes, int]]:
    return [
        pair
        for block in map(WholeLines.lines, blocks(parts))
        for pair in zip(block.texts, block.numbers, strict=True)
    ]


@given(
    texts=st.lists(st.sampled_from([b"", b" ", b"\r", b"{}", b"1\r", b"x" * 20]), max_size=12),
    places=st.lists(st.integers(0, 200), max_size=6),
    ended=st.booleans(),
)
def test_lines_do_not_depend_on_parts(texts: list[bytes], places: list[int], ended: bool) -> None:
    body = b"\n".join(texts) + b"\n" * ended
    ends = sorted(min(place, len(body)) for place in places)
    parts = [body[begin:end] for begin, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    expected = [(text, number) for number, text in enumerate(texts, 1) if text.strip()]
    assert lines(parts) == expected
    assert blocks(parts) == blocks([body])


@given(texts=st.lists(st.sampled_from([b"", b"{}", b"x" * 7, b"x" * 20]), max_size=12))
def test_a_file_can_be_cut_from_wherever_a_block_begins(texts: list[bytes]) -> None:
    body = b"\n".join(texts)
    whole = blocks([body])
    for place, block in enumerate(whole):
        cutter = LineCutter(20, block.stop)
        rest = [*cutter.feed(body[block.stop :]), *cutter.end()]
        assert [(found.text, found.stop) for found in rest] == [
            (found.text, found.stop) for found in whole[place + 1 :]
        ]


@pytest.mark.parametrize("parts", [[b"a\n" + b"x" * 21], [b"a\n" + b"x" * 21 + b"\n"], [b"a\nxx", b"x" * 19]])
def test_a_line_that_is_too_long_is_named(parts: list[bytes]) -> None:
    with pytest.raises(BrokenBlockError, match="line 2 is longer than 20 bytes"):
        lines(parts)


def test_pieces_of_lines_keep_their_numbers() -> None:
    found = WholeLines(b"a\n\nb\nc\n", 5, 7).lines()
    assert list(found.at_most(2)) == [Lines([b"a", b"b"], [5, 7]), Lines([b"c"], [8])]


@pytest.mark.parametrize(
    ("line", "detail", "cause"),
    [
        pytest.param(b"", "not valid JSON: EOF while parsing a value", NO_JSON, id="empty"),
        pytest.param(b"{,}", "not valid JSON: key must be a string", NO_JSON, id="broken"),
        pytest.param(b"null", "expected a JSON object, got null", "line: not an object", id="null"),
        pytest.param(b"[1]", "expected a JSON object, got a list", "line: not an object", id="list"),
        pytest.param(b'{"a":"\xff"}', "not valid JSON: invalid unicode", NO_JSON, id="no UTF-8"),
        pytest.param(b'{"a":"\0"}', "not valid JSON: control character", NO_JSON, id="NUL"),
        pytest.param(
            b'{"a":"\\ud800"}',
            "not valid JSON: unexpected end of hex",
            NO_JSON,
            id="surrogate",
        ),
        pytest.param(b'{"a":%b}' % DEEP, "not valid JSON: recursion limit", NO_JSON, id="deep"),
        pytest.param(b"\xef\xbb\xbf{}", "begins with a byte order mark", NO_JSON, id="mark"),
        pytest.param({"ram": None}, "ram must be a whole number between", "ram: null", id="null feature"),
        pytest.param({"ram": "2800"}, 'got the string "2800"', "ram: text", id="text in a feature"),
        pytest.param({"ram": True}, "got true", "ram: wrong type", id="truth value in a number"),
        pytest.param({"ram": [1]}, "got a list", "ram: wrong type", id="list in a feature"),
        pytest.param({"ram": 4}, "got 4", "ram: out of limits", id="out of limits"),
        pytest.param({"ram": 10**400}, "10^17 or more", "ram: out of limits", id="huge number"),
        pytest.param({"ram": 2800.5}, "got 2800.5", "ram: not whole", id="not whole"),
        pytest.param({"ram": ...}, "ram is missing: it must be", "ram: missing", id="missing"),
    ],
)
def test_why_a_line_is_no_phone_and_what_is_counted(line, detail, cause) -> None:
    if isinstance(line, dict):
        fields = {name: value for name, value in {**EXAMPLE, **line}.items() if value is not ...}
        line = json.dumps(fields).encode()
    good = json.dumps({**EXAMPLE, "id": {"a": [1]}, "ram": 4096.0, "blue": True}).encode()
    verdict = judge_lines(Lines([good, line], [1, 2]), OPEN)
    assert verdict.valid.tolist() == [True, False]
    assert not verdict.rows[1].any()
    (reason,) = verdict.explained([1])
    assert (detail in reason.detail, reason.cause) == (True, cause)


def test_of_a_field_that_is_there_twice_the_last_counts() -> None:
    twice = json.dumps(EXAMPLE).encode()[:-1] + b',"ram":4096,"id":1,"id":2}'
    verdict = judge_lines(Lines([twice], [1]), OPEN)
    assert verdict.rows[0][[feature.name for feature in FEATURES].index("ram")] == 4096
    assert bytes((members(twice) or {})["id"]) == b"2"


def test_fields_are_those_of_all_lines_that_are_objects_as_they_come_first() -> None:
    texts = [b"[1]", b'{"b":1,"a":{"c":2}}', b"{broken", b'{"a":1,"d":"\xff"}', b'{"\\u0064":1,"b":2}']
    assert fields_of(texts, 9) == ("b", "a", "d")
    assert len(fields_of([b"{%b}" % b",".join(b'"%d":1' % k for k in range(50))], 9)) > 9


@pytest.mark.parametrize("reader", [OPEN, reader_of(("note",), optional=True)], ids=["open", "columns"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(b'{%b, "note": NaN}', "NaN and Infinity are no numbers there", id="NaN"),
        pytest.param(b'{%b, "note": -Infinity}', "NaN and Infinity are no numbers there", id="-Infinity"),
        pytest.param(b"[{%b},", "it begins a list; write an object on each line", id="a list"),
    ],
)
def test_what_pythons_json_writes_and_is_none_is_named(reader, line, words):
    phone = json.dumps(EXAMPLE)[1:-1].encode()
    assert words in judge_lines(Lines([line % phone], [1]), reader).detail(0)
