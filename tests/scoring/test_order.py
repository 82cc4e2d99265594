"""What is asked of a job: refused where it contradicts itself, before anything is read or written."""

import pyarrow as pa
import pytest
from scoring_tables import EXAMPLE, read, write

from pricerange.errors import TargetError
from scoring.order import Options
from scoring.score import look, score
from scoring.work.cluster import Cluster

PHONES = pa.Table.from_pylist([EXAMPLE])


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("out.parquet", Options(form="csv"), "its name says parquet, and --format csv"),
        ("out.jsonl.gz", Options(form="csv"), "its name says ndjson, and --format csv"),
        ("out.csv", Options(cluster=Cluster()), "a cluster writes parts, so OUT must be a folder"),
        ("-", Options("reject"), "rejected rows have no place beside a stream"),
    ],
)
@pytest.mark.parametrize("command", [look, score])
def test_what_contradicts_itself_is_refused_by_a_dry_run_too(
    tmp_path, model_repository, monkeypatch, command, target, options, message
):
    monkeypatch.chdir(tmp_path)
    write(PHONES, tmp_path / "in.csv")
    with pytest.raises(TargetError, match=message):
        command(["in.csv"], target, model_repository, options=options)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_form_that_the_name_says_too_may_be_asked_for(tmp_path, model_repository):
    source = write(PHONES, tmp_path / "in.csv")
    score([str(source)], tmp_path / "out.jsonl", model_repository, options=Options(form="ndjson"))
    assert read(tmp_path / "out.jsonl")[0]["label"]
