"""Files that are not what their names say, and CSV with something above its header."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from scoring_tables import EXAMPLE

from pricerange.tables.errors import BrokenRowError, MissingColumnError, UnreadableTableError
from scoring.score import score

TABLE = pa.table({name: [float(value)] * 3 for name, value in EXAMPLE.items()})
TEXT = ",".join(EXAMPLE) + "\n" + f"{','.join(map(str, EXAMPLE.values()))}\n" * 3
CSV = TEXT.encode()


def made(write) -> bytes:
    with io.BytesIO() as file:
        write(file)
        return file.getvalue()


def zipped(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")


def as_stream(file):
    with ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)


PARQUET = made(lambda file: parquet.write_table(TABLE, file))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(
            "a.csv", TEXT.encode("utf-16"), "text in UTF-16, which has to be saved as UTF-8", id="UTF-16"
        ),
        pytest.param("a.csv", TEXT.encode("utf-16-le"), "text in UTF-16", id="UTF-16 without a mark"),
        pytest.param("a.csv", TEXT.encode("utf-16-be"), "text in UTF-16", id="UTF-16, big end first"),
        pytest.param("a.csv", gzip.compress(CSV), "gzip, whose name has to end in .csv.gz", id="gzip"),
        pytest.param(
            "a.csv", pa.Codec("zstd").compress(CSV, asbytes=True), "compressed with zstd", id="zstd"
        ),
        pytest.param("a.csv", bz2.compress(CSV), "bzip2, whose name has to end in .csv.bz2", id="bzip2"),
        pytest.param("a.csv", lzma.compress(CSV), "xz, whose name has to end in .csv.xz", id="xz"),
        pytest.param("a.csv.xz", CSV, "it is CSV", id="CSV as xz"),
        pytest.param("a.csv.bz2", lzma.compress(CSV), "compressed with xz", id="xz as bzip2"),
        pytest.param("a.csv", made(zipped), "a zip archive or an Excel workbook", id="xlsx"),
        pytest.param("a.csv", PARQUET, "Parquet, whose name has to end in .parquet", id="Parquet"),
        pytest.param("a.csv.gz", CSV, "it is CSV", id="CSV as gzip"),
        pytest.param("a.csv.gz", gzip.compress(TEXT.encode("utf-16")), "text in UTF-16", id="UTF-16 in gzip"),
        pytest.param("a.csv.zst", gzip.compress(CSV), "gzip", id="gzip as zstd"),
        pytest.param("a.parquet", CSV, "it is CSV", id="CSV as Parquet"),
        pytest.param("a.parquet", made(as_stream), "an Arrow stream", id="Arrow as Parquet"),
        pytest.param("a.arrow", PARQUET, "it is Parquet, whose name has to end", id="Parquet as Arrow"),
        pytest.param(
            "a.feather",
            b"FEA1" + bytes(60) + b"FEA1",
            "a Feather V1 file, which has to be written as version 2",
            id="Feather V1",
        ),
        pytest.param("a.feather", made(zipped), "zip archive", id="zip as Arrow"),
    ],
)
@pytest.mark.parametrize("target", ["out", "out.csv"])
def test_a_file_that_is_something_else_is_named_as_what_it_is(
    tmp_path, model_repository, name, content, message, target
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableTableError, match=f"{name} cannot be read: .*{message}"):
        score([str(tmp_path / name)], tmp_path / target, model_repository)


@pytest.mark.parametrize("line", ["sep=,\n", "\ufeffsep=,\r\n", '\n"sep=,"\n'])
@pytest.mark.parametrize("target", ["out.parquet", "out.csv"])
def test_a_line_that_tells_excel_of_commas_is_no_header(tmp_path, model_repository, line, target):
    (tmp_path / "a.csv").write_text(line + TEXT)
    assert score([str(tmp_path / "a.csv")], tmp_path / target, model_repository).rows == 3


@pytest.mark.parametrize(
    ("above", "error", "message"),
    [
        pytest.param(
            "sep=;\n",
            MissingColumnError,
            "lacks 20 columns: .*; its columns are 'battery_power,",
            id="sep=;",
        ),
        pytest.param(
            "Phones of 2024\n",
            BrokenRowError,
            "row 1: expected 1 cells, found 20; the header is 'Phones of 2024': the names of",
            id="a title",
        ),
        pytest.param(
            f"Phones of 2024{',' * 19}\n",
            MissingColumnError,
            "lacks 20 columns: .*; its columns are 'Phones of 2024,.*: a CSV must begin with",
            id="a title with commas",
        ),
        pytest.param(
            f"{','.join(map(str, EXAMPLE.values()))}\n",
            MissingColumnError,
            "its columns are '1520,0,2.2",
            id="no header",
        ),
    ],
)
def test_what_stands_above_the_header_is_quoted(tmp_path, model_repository, above, error, message):
    (tmp_path / "a.csv").write_text(above + TEXT)
    with pytest.raises(error, match=message):
        score([str(tmp_path / "a.csv")], tmp_path / "out.csv", model_repository)


def test_columns_without_names_become_numbered_ones_in_parquet_alone(tmp_path, model_repository):
    lines = TEXT.splitlines()
    rows = "\n".join([f"{lines[0]},note,note,,", *(f"{line},x,y,," for line in lines[1:])])
    (tmp_path / "a.csv").write_text(rows)
    score([str(tmp_path / "a.csv")], tmp_path / "out.csv", model_repository)
    assert (tmp_path / "out.csv").read_text().startswith(f"{lines[0]},note,note,,,price_range,label,")
    with pytest.warns(
        UserWarning, match=r"column 22 \('note'\) as note_2, column 23 \(''\) as column_23, column 24"
    ):
        score([str(tmp_path / "a.csv")], tmp_path / "out.parquet", model_repository)
    found = parquet.read_table(tmp_path / "out.parquet").to_pydict()
    assert [found[name][0] for name in ("note", "note_2", "column_23", "column_24")] == ["x", "y", "", ""]
