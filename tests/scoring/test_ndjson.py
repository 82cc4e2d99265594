"""Phones as lines of JSON, in and out: the answers of any other form, the reasons that HTTP gives."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from scoring_tables import EXAMPLE, read, rejects_of, write

from pricerange.answer.columns import PROBABILITIES
from pricerange.phone import FEATURE_NAMES
from pricerange.tables.errors import BadRowError, UnreadableTableError
from pricerange.tables.json import file as json_file
from pricerange.tables.json.lines import Lines, judge_lines
from pricerange.tables.json.phones import PLAIN
from pricerange.tables.source import blocks
from scoring.errors import UnknownColumnError
from scoring.order import Options
from scoring.score import look, score

BAD = {
    "nothing": {"ram": None},
    "text": {"ram": "4 GB"},
    "truth value": {"ram": True},
    "out of limits": {"ram": 4},
    "not whole": {"ram": 2800.5},
    "missing": {"ram": ...},
}


def line(**changes: object) -> str:
    return json.dumps({name: value for name, value in {**EXAMPLE, **changes}.items() if value is not ...})


def write_lines(path: Path, *lines: str | bytes) -> str:
    path.write_bytes(b"\n".join(text.encode() if isinstance(text, str) else text for text in lines) + b"\n")
    return str(path)


def answers_of(path: Path) -> bytes:
    """Return price range and probabilities of a result, as float32."""
    rows = [[float(row[name]) for name in ("price_range", *PROBABILITIES)] for row in read(path)]
    return np.array(rows, np.float32).tobytes()


def test_phones_get_the_same_answers_from_every_form_in_every_form(tmp_path, model_repository, phones_csv):
    table = arrow_csv.read_csv(phones_csv)
    found = set()
    for form in ("csv", "parquet", "arrow", "ndjson"):
        source = write(table, tmp_path / f"in.{form}", rows=500)
        for out in ("csv", "parquet", "ndjson"):
            score([str(source)], tmp_path / f"{form}.{out}", model_repository)
            found.add(answers_of(tmp_path / f"{form}.{out}"))
    assert len(found) == 1
    assert len(read(tmp_path / "csv.ndjson")) == len(table)
    # CSV has text, and its features are the numbers that they were
    for form in ("csv", "ndjson", "parquet"):
        rows = read(tmp_path / f"{form}.ndjson")
        assert [{name: row[name] for name in FEATURE_NAMES} for row in rows] == table.select(
            FEATURE_NAMES
        ).to_pylist()
    assert f'"ram":{int(table["ram"][0].as_py())},' in (tmp_path / "csv.ndjson").read_text().splitlines()[0]


def test_lines_stay_as_they_are_with_the_answers_behind_them(tmp_path, model_repository):
    lines = [
        f'{{"id" : "é{k}", {line()[1:-1]}, "big": 9007199254740993, "x": 1.50{", " * (k % 2)}'
        + ('"opt": {"label": [1]}}' if k % 2 else "}")
        for k in range(20)
    ]
    source = write_lines(tmp_path / "in.jsonl", *lines)
    score([source], tmp_path / "out.ndjson", model_repository)
    written = (tmp_path / "out.ndjson").read_text().splitlines()
    assert [text.partition(',"price_range":')[0] + "}" for text in written] == lines


def test_other_fields_are_text_in_tables_and_null_where_a_line_lacks_them(tmp_path, model_repository):
    source = write_lines(
        tmp_path / "in.ndjson",
        line(a='x,"é', b=1.50),
        line(c={"d": [1]}),
        line(b=None, a="[null]"),
        line(a="\\"),
    )
    for out in ("out.csv", "out.parquet"):
        score([source], tmp_path / out, model_repository)
        assert [[row[name] for name in "abc"] for row in read(tmp_path / out)] == [
            ['x,"é', "1.5" if out == "out.parquet" else 1.5, None],
            [None, None, '{"d": [1]}'],
            ["[null]", None, None],
            ["\\", None, None],
        ]
    schema = parquet.read_schema(tmp_path / "out.parquet")
    assert schema.names[:23] == [*EXAMPLE, "a", "b", "c"]
    assert {str(schema.field(name).type) for name in FEATURE_NAMES} == {"double"}
    assert {str(schema.field(name).type) for name in "abc"} == {"string"}


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_a_field_that_comes_late_is_never_lost_in_silence(tmp_path, model_repository, monkeypatch, out):
    monkeypatch.setattr(json_file, "BLOCK_BYTES", 1_000)
    source = write_lines(tmp_path / "in.ndjson", *[line(a=k) for k in range(9)], line(late="x"))
    said = r'in\.ndjson, row 10: "late" is not a field of the file\'s first lines'
    with pytest.raises(BadRowError, match=said):
        score([source], tmp_path / out, model_repository)
    summary = score([source], tmp_path / out, model_repository, options=Options("reject"))
    assert summary.reasons == {"line: other fields": 1}
    (rejected,) = read(rejects_of(tmp_path / out))
    assert json.loads(rejected["line"])["late"] == "x"
    # a choice of columns is one, and lines have room for any field
    score([source], tmp_path / out, model_repository, options=Options(columns=("a",)))
    assert len(read(tmp_path / out)) == 10
    score([source], tmp_path / "out.ndjson", model_repository)
    assert read(tmp_path / "out.ndjson")[9]["late"] == "x"
    with pytest.raises(UnknownColumnError, match="lacks late"):
        score([source], tmp_path / out, model_repository, options=Options(columns=("late",)))


@pytest.mark.parametrize("out", ["out.ndjson", "out.csv", "out.parquet", "out"])
@pytest.mark.parametrize("on_bad_row", ["fail", "reject", "null"])
@pytest.mark.parametrize("kept", [None, ("id",)], ids=["all columns", "columns"])
def test_bad_lines_have_the_reasons_that_a_request_gets(tmp_path, model_repository, out, on_bad_row, kept):
    lines = [line(id=0), *[line(id=name, **change) for name, change in BAD.items()], line(id=9)]
    source = write_lines(tmp_path / "in.ndjson", *lines, "", "[1]", '{"id": nul', b'{"id":"\xff"}')
    options = Options(on_bad_row, kept, "ndjson" if out == "out" else None)
    if on_bad_row == "fail":
        with pytest.raises(BadRowError, match=r"in\.ndjson, row 2: ram must be .*, got null"):
            score([source], tmp_path / out, model_repository, options=options)
        return
    summary = score([source], tmp_path / out, model_repository, options=options)
    asked = [line(**change).encode() for change in BAD.values()]
    verdict = judge_lines(Lines(asked, range(len(asked))), PLAIN)
    reasons = [verdict.detail(row) for row in range(len(asked))]
    found = read(tmp_path / out)
    if on_bad_row == "reject":
        assert [str(row["id"]) for row in found] == ["0", "9"]
        rejected = read(rejects_of(tmp_path / out))
        assert [row["row"] for row in rejected] == [2, 3, 4, 5, 6, 7, 9, 10, 11]
        assert [row["reason"] for row in rejected[:6]] == reasons
        assert [row["id"] for row in rejected[:6]] == [*BAD]
        whole = [row.get("line") for row in rejected[6:]]
        assert whole == ([None] * 3 if kept else ["[1]", '{"id": nul', '{"id":"\ufffd"}'])
    else:
        assert len(found) == 11
        assert [row["error"] for row in found[1:7]] == reasons
        assert [row["price_range"] is None for row in found] == [False, *[True] * 6, False, *[True] * 3]
    assert summary.reasons == {
        "line: not valid JSON": 2,
        "line: not an object": 1,
        **{
            f"ram: {cause}": 1
            for cause in ("missing", "not whole", "null", "out of limits", "text", "wrong type")
        },
    }


def test_small_files_share_a_part_where_they_have_no_new_field(tmp_path, model_repository, monkeypatch):
    kinds = [{"a": 1, "b": 2}, {"b": 3}, {}, {"b": 4, "a": 5}, {"c": 6}, {"a": 7}]
    sources = [write_lines(tmp_path / f"{k}.ndjson", line(**kind)) for k, kind in enumerate(kinds)]
    sources.insert(0, write_lines(tmp_path / "empty.ndjson"))
    score(sources, tmp_path / "out", model_repository)
    parts = sorted(path.name for path in (tmp_path / "out").glob("part-*"))
    assert parts == ["part-00000-00000.parquet", "part-00005-00000.parquet", "part-00006-00000.parquet"]
    assert [(row.get("a"), row.get("b")) for row in read(tmp_path / "out")] == [
        ("1", "2"), (None, "3"), (None, None), ("5", "4"), (None, None), ("7", None)
    ]  # fmt: skip
    # where a file has no lines, its columns are any
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "SMALL_BYTES", -1)
        for few in (sources[:2], [sources[1], sources[0]], sources[:1]):
            score(few, tmp_path / "one.csv", model_repository)
            assert len(read(tmp_path / "one.csv")) == len(few) - 1
    # lines may have any fields side by side
    score(sources, tmp_path / "one.ndjson", model_repository)
    assert [
        {name: row[name] for name in row if name in "abc"} for row in read(tmp_path / "one.ndjson")
    ] == kinds


def test_a_mark_line_ends_and_blank_lines_are_no_part_of_a_line(tmp_path, model_repository):
    content = "\ufeff" + "\r\n\r\n".join(line(id=k) for k in range(3))
    (tmp_path / "in.ndjson.gz").write_bytes(gzip.compress(content.encode()))
    score([str(tmp_path / "in.ndjson.gz")], tmp_path / "out.jsonl.gz", model_repository)
    written = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).decode()
    assert [json.loads(text)["id"] for text in written.splitlines()] == [0, 1, 2]
    assert "\r" not in written


def test_few_bytes_buy_little(tmp_path, model_repository):
    deep = '{"a":' + "[" * 200_000 + "]" * 200_000 + "}"
    wide = "{" + ",".join(f'"{k}":0' for k in range(100_000)) + "}"
    twice = line()[:-1] + "".join(',"ram":2800' for _ in range(50_000)) + "}"
    long = line(id="x" * 900_000)
    source = write_lines(tmp_path / "in.ndjson", line(id=1), deep, twice, *["{}"] * 5_000, long)
    for out in ("out.ndjson", "out.csv", "out.parquet"):
        summary = score([source], tmp_path / out, model_repository, options=Options("reject"))
        assert (summary.rows, summary.rejected) == (5_004, 5_001)
        assert summary.reasons == {"battery_power: missing": 5_000, "line: not valid JSON": 1}
    source = write_lines(tmp_path / "wide.ndjson", wide)
    with pytest.raises(UnreadableTableError, match="its first lines have more than 4096 fields"):
        score([source], tmp_path / "out.csv", model_repository)
    source = write_lines(tmp_path / "long.ndjson", line(id="x" * (1 << 20)))
    with pytest.raises(UnreadableTableError, match="line 1 is longer than 1048576 bytes"):
        score([source], tmp_path / "out.csv", model_repository)


def test_a_name_that_no_column_can_have_is_kept_in_lines_only(tmp_path, model_repository):
    source = write_lines(tmp_path / "in.ndjson", line(**{'a"b': 1}))
    score([source], tmp_path / "out.ndjson", model_repository)
    assert read(tmp_path / "out.ndjson")[0]['a"b'] == 1
    with pytest.raises(UnreadableTableError, match="cannot be a column"):
        score([source], tmp_path / "out.csv", model_repository)


def test_parts_of_ndjson_are_the_same_however_they_are_cut(tmp_path, model_repository, monkeypatch):
    monkeypatch.setattr(json_file, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(blocks, "PART_BYTES", 3_000)
    monkeypatch.setattr(blocks, "SMALL_BYTES", 1_000)
    source = write_lines(tmp_path / "in.ndjson", *[line(id=k) for k in range(60)])
    score([source], tmp_path / "out", model_repository, options=Options(form="ndjson"))
    parts = sorted((tmp_path / "out").glob("part-*.ndjson"))
    whole = [part.read_bytes() for part in parts]
    assert len(parts) > 3
    assert [row["id"] for row in read(tmp_path / "out")] == [*range(60)]
    parts[1].unlink()
    parts[-1].write_bytes(whole[-1][:-1])
    score([source], tmp_path / "out", model_repository, options=Options(form="ndjson"))
    assert [part.read_bytes() for part in parts] == whole


@pytest.mark.parametrize("out", ["out.csv", "out.parquet", "out.ndjson"])
@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON"])
def test_lines_of_which_none_has_a_field_are_rejected(tmp_path, model_repository, out, text):
    source = write_lines(tmp_path / "a.ndjson", text, text)
    options = Options(on_bad_row="reject")
    assert "2 of them no valid phones" in look([source], tmp_path / out, model_repository, options=options)
    summary = score([source], tmp_path / out, model_repository, options=options)
    assert (summary.rows, summary.rejected) == (2, 2)
    assert [row["row"] for row in read(rejects_of(tmp_path / out))] == [1, 2]
    nulls = score([source], tmp_path / f"null_{out}", model_repository, options=Options(on_bad_row="null"))
    assert nulls.rejected == len(read(tmp_path / f"null_{out}")) == 2
