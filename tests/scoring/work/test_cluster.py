"""A job on a Ray cluster of two machines, which are processes here, one of which is lost."""

import hashlib
import threading
import time

import pytest
from corpus import few
from ray.cluster_utils import Cluster as RayCluster
from scoring_tables import digests

from pricerange.tables.errors import BadRowError
from scoring.errors import ClusterError
from scoring.order import Options
from scoring.score import score
from scoring.synth import synth
from scoring.work.cluster import Cluster

MEMORY = 100 << 20
ROWS = 1_200_000
# what Ray itself does
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with a core each; the first is that of the test."""
    made = RayCluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": MEMORY})
    yield made
    made.shutdown()


def write_with_a_bad_row(rows, path):
    """Write so many phones and, behind them, a row that is none."""
    synth(rows, path)
    with path.open("a") as file:
        file.write("x" + "," * 20 + "\n")


@pytest.fixture(scope="module")
def phones(tmp_path_factory):
    """A CSV and a Parquet file of two parts each, a bad row in the last, and small files that share one."""
    folder = tmp_path_factory.mktemp("phones")
    write_with_a_bad_row(ROWS, folder / "1.csv")
    synth(ROWS, folder / "2.parquet")
    for number in range(20):
        synth(2, folder / f"3-{number:02d}.csv")
    like = folder / "3-00.csv"
    like.write_text(like.read_text().replace("ram", "RAM", 1))
    return folder


@pytest.mark.long
def test_a_machine_that_is_lost_changes_nothing(tmp_path, model_repository, phones, cluster, capsys):
    score([str(phones)], tmp_path / "local", model_repository, options=Options("reject"))
    lost = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    out = tmp_path / "out"

    def lose() -> None:
        while not list(out.glob("part-*")):
            time.sleep(0.02)
        cluster.remove_node(lost, allow_graceful=False)

    losing = threading.Thread(target=lose, daemon=True)
    losing.start()
    options = Options("reject", cluster=Cluster(cluster.address))
    summary = score([str(phones)], out, model_repository, options=options)
    losing.join()
    assert (summary.rows, summary.rejected) == (2 * ROWS + 41, 1)
    assert capsys.readouterr().err.count("3-00.csv: RAM is read as ram") == 2
    for name in ("", ".rejected"):
        assert digests(tmp_path / f"out{name}") == digests(tmp_path / f"local{name}")
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.long
def test_actors_write_to_an_object_store_what_one_machine_would(
    tmp_path, model_repository, phones, cluster, s3, key
):
    sources = [str(phones / "3-*.csv"), str(phones / "2.parquet")]
    score(sources, tmp_path / "local", model_repository)
    score(sources, s3.uri(key), model_repository, options=Options(cluster=Cluster(cluster.address)))
    parts = {name.removeprefix(f"{key}/"): s3.get(name) for name in s3.keys(f"{key}/part-")}
    assert {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()} == digests(
        tmp_path / "local"
    )
    assert [name for name in s3.keys(key.removesuffix("out")) if ".lock" in name] == []


@pytest.mark.parametrize("rows", few(1, [1_000, ROWS]))
def test_an_error_of_an_actor_is_that_of_the_job(tmp_path, model_repository, cluster, rows):
    source = tmp_path / "1.csv"
    write_with_a_bad_row(rows, source)
    with pytest.raises(BadRowError, match=rf"1\.csv, row {rows + 1}: battery_power must be a whole number"):
        score(
            [str(source)],
            tmp_path / "out",
            model_repository,
            options=Options(cluster=Cluster(cluster.address)),
        )
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Cluster("{address}", cpus=64), "expected capacity for an actor with .*64.*, found 1 CPU and 0 GPU"),
        (Cluster("{address}", gpus=0.5), "found 1 CPU and 0 GPU"),
        (Cluster("127.0.0.1:1"), r"Ray \(127.0.0.1:1\): "),
    ],
    ids=["cores", "gpus", "address"],
)
def test_a_cluster_that_cannot_do_it_says_why(tmp_path, model_repository, cluster, asked, message):
    synth(2, tmp_path / "in.csv")
    here = Cluster(asked.address.format(address=cluster.address), asked.cpus, asked.gpus)
    with pytest.raises(ClusterError, match=message):
        score([str(tmp_path / "in.csv")], tmp_path / "out", model_repository, options=Options(cluster=here))
