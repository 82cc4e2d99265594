"""Rows as NDJSON: what any reader of JSON makes of them is what they were."""

import datetime
import json
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.errors import ColumnTypeError
from pricerange.tables.renamed import renamed
from scoring.target import json_text
from scoring.target.sink import sink

NAMES = ["price_range", "label"]
ANSWERS = pa.RecordBatch.from_pydict({"price_range": [2], "label": ["high"]})


def answered(line: bytes) -> bytes:
    return json_text.answered([line], np.ones(1, np.bool_), None, ANSWERS).rows


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pa.array([2**63 - 1, None]), "[9223372036854775807,null]", id="int64"),
        pytest.param(pa.array([0.1, None], pa.float32()), "[0.1,null]", id="float32"),
        pytest.param(pa.array([0.1, float("nan"), float("-inf")]), "[0.1,null,null]", id="not finite"),
        pytest.param(pa.array([1.5, None], pa.float16()), "[1.5,null]", id="float16"),
        pytest.param(pa.array([True, None]), "[true,null]", id="truth values"),
        pytest.param(pa.array(['é"\\\n\0', "", None]), '["é\\"\\\\\\n\\u0000","",null]', id="text"),
        pytest.param(pa.array(["a", None]).dictionary_encode(), '["a",null]', id="dictionary"),
        pytest.param(pa.array([Decimal("1.50")]), '["1.50"]', id="decimal"),
        pytest.param(pa.array([datetime.date(2026, 1, 2)]), '["2026-01-02"]', id="date"),
        pytest.param(pa.array([[1, None], []]), "[[1,null],[]]", id="list"),
        pytest.param(pa.array([{"a": float("nan"), "b": ["x"]}]), '[{"a":null,"b":["x"]}]', id="struct"),
        pytest.param(pa.nulls(1), "[null]", id="nothing"),
        pytest.param(pa.array([b"text"]), '["text"]', id="bytes that are text"),
    ],
)
def test_cells_are_the_values_that_json_has_for_them(column: pa.Array, expected: str) -> None:
    rows = json_text.written(pa.RecordBatch.from_arrays([column], names=["a %s"])).rows
    assert rows.decode() == "".join(
        f'{{"a %s":{json.dumps(value, ensure_ascii=False, separators=(",", ":"))}}}\n'
        for value in json.loads(expected)
    )


@pytest.mark.parametrize("column", [pa.array([b"\xff"]), pa.array([[b"\xff"]])], ids=["bytes", "nested"])
def test_what_json_has_no_value_for_is_named(column: pa.Array) -> None:
    with pytest.raises(ColumnTypeError, match=r"the column raw has type .*, which a NDJSON file"):
        json_text.written(pa.RecordBatch.from_arrays([column], names=["raw"]))


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        pytest.param(b' { "a" : 1.50, "a":2 }\r', b' "a" : 1.50, "a":2 ', id="as it stands"),
        pytest.param(b"{ }", b"", id="empty"),
        pytest.param(b'{"label":1,"a":"label"}', b'"input_label":1,"a":"label"', id="taken"),
        pytest.param(b'{"label" : "label","a":[]}', b'"input_label" : "label","a":[]', id="taken, blanks"),
        pytest.param(b'{"label":1,"price_range":2}', b'"input_label":1,"input_price_range":2', id="both"),
        pytest.param(
            b'{"a":{"label":1}, "label":{}}', b'"a":{"label":1},"input_label":{}', id="nested is another"
        ),
        pytest.param(b'{"a":{"label":1.0}}', b'"a":{"label":1.0}', id="nested alone"),
        pytest.param(b'{"lab\\u0065l":1}', b'"input_label":1', id="escaped"),
        pytest.param(b'{"a":"\\"label\\":"}', b'"a":"\\"label\\":"', id="in a text"),
        pytest.param(
            b'{"label":1,"input_label":2}', b'"input_input_label":1,"input_label":2', id="the other is taken"
        ),
    ],
)
def test_fields_of_a_line_stay_as_they_stand_and_give_way_to_answers(line: bytes, inside: bytes) -> None:
    comma = b"," if inside else b""
    assert answered(line) == b"{%b%b" % (inside, comma) + b'"price_range":2,"label":"high"}\n'
    # beside lines that are plain, and ones that are not
    for other in (b'{"x":1}', b'{"x":{"y":"\\u0041"}}'):
        both = pa.concat_batches([ANSWERS, ANSWERS])
        rows = json_text.answered([line, other], np.ones(2, np.bool_), None, both).rows
        assert rows.startswith(answered(line).replace(b'"price', b'"price'))


names = st.one_of(st.sampled_from([*NAMES, "input_label", "a"]), st.text(max_size=4))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(NAMES)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=5,
)


@given(
    rows=st.lists(st.dictionaries(names, values, max_size=4), min_size=1, max_size=4),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,", "\t:")]),
)
def test_no_field_of_a_line_is_lost(rows, ascii_only, separators) -> None:
    lines = [json.dumps(row, ensure_ascii=ascii_only, separators=separators).encode() for row in rows]
    answers = pa.concat_batches([ANSWERS] * len(rows))
    written = json_text.answered(lines, np.ones(len(rows), np.bool_), None, answers).rows
    for row, text in zip(rows, written.split(b"\n"), strict=False):
        found = json.loads(text)
        assert (found.pop("price_range"), found.pop("label")) == (2, "high")
        assert [*found.items()] == [*zip(renamed([*row], NAMES), row.values(), strict=True)]


def test_lines_that_are_no_objects_are_fields_of_one() -> None:
    lines = [b"[1]", b'{"a":\xff}', b"{broken"]
    three = pa.concat_batches([ANSWERS] * 3)
    rows = json_text.answered(lines, np.zeros(3, np.bool_), None, three).rows.splitlines()
    assert [json.loads(row)["line"] for row in rows] == ["[1]", '{"a":\ufffd}', "{broken"]


def test_fields_that_are_kept_are_null_where_a_line_lacks_them() -> None:
    lines = [b'{"b": 1.50,"a":{"c":1},"x":0}', b"{}", b"[]"]
    three = pa.concat_batches([ANSWERS] * 3)
    rows = json_text.answered(lines, np.ones(3, np.bool_), ["a", "b"], three).rows.splitlines()
    assert [row.partition(b',"price_range"')[0] for row in rows] == [
        b'{"a":{"c":1},"b":1.50',
        b'{"a":null,"b":null',
        b'{"a":null,"b":null',
    ]


def test_columns_of_ndjson_have_names_of_their_own(tmp_path) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["note", "note"])
    with (
        sink(partial(pa.OSFile, str(tmp_path / "a.ndjson"), "wb"), "ndjson") as file,
        pytest.warns(UserWarning, match="NDJSON needs a name of its own for each column: column 2"),
    ):
        file.write(json_text.written(batch))
    assert json.loads((tmp_path / "a.ndjson").read_text()) == {"note": 1, "note_2": 2}
