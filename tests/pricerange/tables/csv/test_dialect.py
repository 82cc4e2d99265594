"""What separates cells and how numbers are written: recognised, asked for, and never mistaken."""

import csv
import io

import numpy as np
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from pricerange.phone import FEATURE_NAMES, FEATURES, refusal
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.dialect import AS_FOUND, DELIMITERS, PLAIN, Dialect
from pricerange.tables.csv.header import recognised, split_header
from pricerange.tables.errors import BrokenBlockError, DialectError
from pricerange.tables.table import Verdict, judge_csv, judge_csv_beside

EXAMPLE = {feature.name: str(feature.example) for feature in FEATURES}
RAM = FEATURE_NAMES.index("ram")


def judged(content: bytes, asked: Dialect = AS_FOUND) -> list[Verdict]:
    found = csv_file.blocks(lambda: io.BytesIO(content), asked=asked)
    return [judge_csv(block.text, block.header, block.dialect) for block in found]


def phone(delimiter: str = ";", **cells: str) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([FEATURE_NAMES, (EXAMPLE | cells).values()])
    return file.getvalue().encode()


# which delimiter


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("above", ["", "\ufeff", "\n\r\n", "sep={}\r\n", '"sep={}"\n', "\ufeff\nSEP={}\n"])
def test_the_delimiter_is_that_of_the_header(delimiter, above):
    content = above.format(delimiter).encode() + phone(delimiter)
    (block,) = csv_file.blocks(lambda: io.BytesIO(content))
    assert (block.header, block.dialect) == (list(FEATURE_NAMES), Dialect(delimiter))
    assert judged(content)[0].valid.tolist() == [True]


def test_a_header_that_is_separated_by_commas_stays_so_whatever_else_is_in_it():
    names = ["a;b;c|d\te", *FEATURE_NAMES]
    assert recognised(",".join(names).encode(), AS_FOUND) == PLAIN
    assert recognised(",".join(names[:-1]).encode(), AS_FOUND) == PLAIN
    assert recognised(b"a;b;c\n1;2;3", AS_FOUND) == PLAIN


def test_features_tell_what_separates_columns_though_more_commas_stand_there():
    names = [*FEATURE_NAMES[:3], "a,b,c,d,e,f,g,h,i"]
    assert recognised("|".join(names).encode(), AS_FOUND).delimiter == "|"


def test_a_line_for_excel_counts_more_than_the_header_and_less_than_what_is_asked_for():
    content = b"sep=|\n" + ";".join(FEATURE_NAMES).encode()
    assert recognised(content, AS_FOUND).delimiter == "|"
    assert recognised(content, Dialect(";")).delimiter == ";"
    assert split_header(content, Dialect(";"))[0] == list(FEATURE_NAMES)


# which numbers


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "number"),
    [
        ("1.234,5", ",", ".", 1234.5),
        ("1.234.567", ",", ".", 1234567),
        ("-1.234", ",", ".", -1234),
        ("1234,5", ",", ".", 1234.5),
        (",5", ",", ".", 0.5),
        ("1.234e1", ",", ".", 12340),
        ("1,5e3", ",", "", 1500),
        ("1,234.5", ".", ",", 1234.5),
        ("1 234", ".", " ", 1234),
        ("1\u00a0234", ".", " ", 1234),
        ("1\u202f234,5", ",", " ", 1234.5),
        ("1'234", ".", "'", 1234),
        ("1\u2019234", ".", "'", 1234),
        ("1_234", ".", "_", 1234),
        # a decimal point that was taken for what groups digits
        ("0.125", ",", ".", None),
        ("2.2", ",", ".", None),
        ("2.25", ",", ".", None),
        ("12.3456", ",", ".", None),
        ("1234.567", ",", ".", None),
        ("0.123.456", ",", ".", None),
        ("1.23.456", ",", ".", None),
        ("1..234", ",", ".", None),
        (".234", ",", ".", None),
        ("1,5.000", ",", ".", None),
        ("1.5", ",", "", None),
        ("1,5", ".", "", None),
        ("1,234", ".", "", None),
        ("", ",", ".", None),
        ("1,,5", ",", "", None),
        ("nan", ",", ".", None),
        ("\u0661", ",", ".", None),
    ],
)
def test_digits_are_grouped_by_three_or_it_is_no_number(text, decimal, thousands, number):
    assert Dialect(";", decimal, thousands).number(text) == number


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"decimal": ",", "thousands": ","},
            "thousands: expected another mark than the decimal one, got ','",
        ),
        ({"thousands": "."}, "thousands: expected another mark than the decimal one"),
        ({"decimal": ";"}, "decimal: expected a point or a comma, got ';'"),
        ({"decimal": ""}, "decimal: expected a character, got ''"),
        ({"thousands": "0"}, "thousands: expected one of"),
        ({"delimiter": ":"}, "delimiter: expected one of , ; | and tab, got ':'"),
        ({"delimiter": ";;"}, "delimiter: expected one of"),
        ({"delimiter": ",", "decimal": ","}, "another mark than what separates columns, commas, got ','"),
        (
            {"null_values": ",".join(map(str, range(101)))},
            "null_values: expected at most 100 texts, got '101'",
        ),
    ],
)
def test_marks_that_contradict_each_other_are_refused(asked, message):
    with pytest.raises(DialectError, match=message):
        Dialect.asked_for(**asked)


def test_a_file_whose_columns_are_separated_by_the_decimal_mark_is_refused():
    with pytest.raises(BrokenBlockError, match="another mark than what separates columns, commas"):
        judged(phone(","), Dialect(decimal=","))


def test_what_is_asked_for_may_be_written_in_words():
    asked = Dialect.asked_for("tab", ",", ".", "NA, ? ,-,,NA")
    assert asked == Dialect("\t", ",", ".", ("NA", "?", "-"))
    assert Dialect.asked_for() == AS_FOUND
    assert Dialect.asked_for(r"\t").delimiter == "\t"


def test_a_decimal_comma_that_is_not_asked_for_is_refused_with_what_to_do():
    (verdict,) = judged(phone(clock_speed="2,2", m_dep="x"))
    hint = "(decimal commas are read with `--decimal ,`, over HTTP with `decimal=,`)"
    clock, thickness = (FEATURES[FEATURE_NAMES.index(name)] for name in ("clock_speed", "m_dep"))
    expected = f"{refusal(clock, '2,2')} {hint}; {refusal(thickness, 'x')}"
    assert verdict.detail(0) == expected
    assert [reason.detail for reason in verdict.explained([0])] == [expected]


def test_numbers_of_a_dialect_are_quoted_as_what_they_mean_and_others_as_they_stand_there():
    cells = {"clock_speed": "2,2", "m_dep": "0,8", "ram": "1.234,5", "fc": "1.5", "pc": "-"}
    (verdict,) = judged(phone(**cells), Dialect("", ",", ".", ("-",)))
    assert [reason.cause for reason in verdict.explained([0])] == ["fc: text"]
    assert "ram must be a whole number between 128 and 131072 MB, got 1234.5" in verdict.detail(0)
    assert 'got the string "1.5"' in verdict.detail(0)
    assert "pc must be a number between 0 and 1000 megapixel, got null" in verdict.detail(0)


NULLS = st.sampled_from(["NA", "?", "-", "0", "2800", "1e3", "nan", "inf", "yes"])
NULL_CELLS = st.sampled_from(
    ["NA", " NA ", "na", "?", "", "0", " 0", "2800", " 2800", "1e3", "nan", " inf", "yes"]
)


@settings(max_examples=examples(150), deadline=None)
@given(
    nulls=st.lists(NULLS, max_size=3, unique=True),
    cells=st.lists(st.tuples(st.sampled_from(FEATURE_NAMES), NULL_CELLS), min_size=1, max_size=4),
)
def test_a_text_that_stands_for_nothing_is_nothing_whatever_reads_it(nulls, cells):
    dialect = Dialect(",", null_values=tuple(nulls))
    file = io.StringIO()
    csv.writer(file).writerows((EXAMPLE | {name: text}).values() for name, text in cells)
    verdict = judge_csv(file.getvalue().encode(), FEATURE_NAMES, dialect)
    spelled_out = io.StringIO()
    csv.writer(spelled_out).writerows(
        ["" if text.strip() in nulls else text for text in (EXAMPLE | {name: cell}).values()]
        for name, cell in cells
    )
    expected = judge_csv(spelled_out.getvalue().encode(), FEATURE_NAMES)
    np.testing.assert_array_equal(verdict.rows, expected.rows)
    np.testing.assert_array_equal(verdict.valid, expected.valid)
    for row in np.flatnonzero(~expected.valid).tolist():
        assert verdict.detail(row) == expected.detail(row)


# any dialect


def written(number: float, decimal: str, thousands: str) -> str:
    """Write a number as somebody would who groups digits."""
    text = f"{number:,}" if number < 1e15 else repr(number)
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


MARKS = st.sampled_from(
    [(".", ""), (",", ""), (",", "."), (",", " "), (".", ","), (".", "'"), (",", "\u202f"), (".", "_")]
)
VALUES = st.one_of(
    st.integers(0, 2 * 10**5), st.floats(0, 2e5), st.floats(0, 20), st.sampled_from([0.1 + 0.2, 1e-9, 2.2])
)


@settings(max_examples=examples(150), deadline=None)
@given(
    values=st.lists(st.tuples(st.sampled_from(FEATURE_NAMES), VALUES), min_size=1, max_size=6),
    delimiter=st.sampled_from(list(DELIMITERS)),
    marks=MARKS,
    notes=st.lists(st.text(st.sampled_from('a,;|\t"\n.1'), max_size=5), min_size=6, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    empty=st.integers(0, 3),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_in_any_dialect_has_the_verdicts_of_the_plain_one(
    values, delimiter, marks, notes, quoting, empty, line_end
):
    decimal, thousands = marks
    if decimal == delimiter:
        delimiter = ";"
    rows = [
        {key: float(text) for key, text in EXAMPLE.items()} | {name: float(value)} for name, value in values
    ]
    plain, dialected = io.StringIO(), io.StringIO()
    as_plain = csv.writer(plain)
    as_dialect = csv.writer(dialected, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    for writer in (as_plain, as_dialect):
        writer.writerow(["note", *FEATURE_NAMES])
    for note, row in zip(notes, rows, strict=False):
        as_plain.writerow([note, *map(repr, row.values())])
        as_dialect.writerow([note, *(written(value, decimal, thousands) for value in row.values())])
    asked = Dialect("", decimal, thousands.replace("\u202f", " "))
    (expected,) = judged(plain.getvalue().encode())
    content = dialected.getvalue().encode() + (delimiter * 20 + line_end).encode() * empty
    (verdict,) = judged(content, asked)
    np.testing.assert_array_equal(verdict.rows, expected.rows)
    np.testing.assert_array_equal(verdict.valid, expected.valid)
    for row in np.flatnonzero(~expected.valid).tolist():
        assert verdict.detail(row) == expected.detail(row)
    (block,) = csv_file.blocks(lambda: io.BytesIO(content), asked=asked)
    beside, (kept,) = judge_csv_beside(block.text, block.header, [0], block.dialect)
    np.testing.assert_array_equal(beside.rows, expected.rows)
    assert kept.to_pylist() == notes[: len(rows)]
