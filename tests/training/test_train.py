"""A whole run: what it leaves behind, the same each time, and nothing when it is killed."""

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus import few
from rich.console import Console

from pricerange import bundle, synthetic
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from training import data
from training.errors import DivergedError
from training.recipe.recipe import Recipe
from training.row_hashes import of_text, row_hashes
from training.split import three_ways
from training.train import train

TRAIN = "import sys; from pathlib import Path; from training.train import train; "
TRAIN += "train([sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]))"


def test_the_version_loads_and_its_passport_tells_the_run(model_repository: Path, quick: Recipe) -> None:
    passport = Predictor.load(model_repository).bundle.passport
    phones = data.generate(1_000)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    assert passport.recipe == quick.model_dump(mode="json")
    assert passport.training_data.source == "synthetic:1000"
    assert passport.training_data.sha256 == phones.sha256
    assert (passport.training_data.rows, passport.training_data.training_rows) == (1_000, len(parts.training))
    assert passport.metrics["parts"]["test"] == passport.metrics["rows"] == len(parts.test)
    assert passport.packages["torch"]


def test_feature_ranges_are_those_of_the_training_rows(model_repository: Path, quick: Recipe) -> None:
    ranges = Predictor.load(model_repository).bundle.passport.feature_ranges
    phones = data.generate(1_000)
    rows = phones.features[three_ways(phones.price_range, quick.split, quick.seed).training]
    assert list(ranges) == list(FEATURE_NAMES)
    ram = rows[:, FEATURE_NAMES.index("ram")]
    assert (ranges["ram"].low, ranges["ram"].high) == (ram.min(), ram.max())
    np.testing.assert_allclose(ranges["ram"].deciles, np.percentile(ram, range(10, 100, 10)), rtol=1e-6)


def test_metrics_are_those_of_the_served_answers_to_the_test_part(
    model_repository: Path, quick: Recipe
) -> None:
    predictor = Predictor.load(model_repository)
    phones = data.generate(1_000)
    test = three_ways(phones.price_range, quick.split, quick.seed).test
    answered = predictor.predict(phones.features[test]).price_range
    found = np.mean(answered == phones.price_range[test])
    assert predictor.bundle.passport.metrics["accuracy"] == pytest.approx(found)
    assert found > 0.85


def test_golden_rows_span_the_price_ranges(model_repository: Path) -> None:
    golden = Predictor.load(model_repository).bundle.passport.golden_rows
    assert len(golden) == 16
    assert {int(np.argmax(row.probabilities)) for row in golden} == {0, 1, 2, 3}


def test_the_background_is_training_phones_of_each_price_range_in_its_share(
    model_repository: Path, quick: Recipe
) -> None:
    background = Predictor.load(model_repository).bundle.passport.background
    assert background is not None
    phones = data.generate(1_000)
    training = three_ways(phones.price_range, quick.split, quick.seed).training
    places = {tuple(phones.features[row]): phones.price_range[row] for row in training}
    price_ranges = [places[tuple(np.float32(row))] for row in background.rows]
    assert len(price_ranges) == 100
    expected = np.bincount(phones.price_range[training]) * 100 / len(training)
    assert np.abs(np.bincount(price_ranges) - expected).max() <= 1


def test_the_passport_keeps_hashes_of_the_rows_that_were_seen(model_repository: Path, quick: Recipe) -> None:
    seen = Predictor.load(model_repository).bundle.passport.seen_rows
    assert seen is not None
    phones = data.generate(1_000)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    for text, rows in ((seen.training, parts.training), (seen.validation, parts.validation)):
        np.testing.assert_array_equal(of_text(text), np.sort(row_hashes(phones.features[rows])))


def test_a_label_under_the_name_of_a_feature_is_said_on_the_console_in_the_card_and_in_the_report(
    recipe_file: Path, tmp_path: Path
) -> None:
    features, price_range = synthetic.phones(200)
    features[:, FEATURE_NAMES.index("n_cores")] = price_range + 1
    (tmp_path / "leaking.csv").write_text(synthetic.as_csv(features, price_range))
    said = io.StringIO()
    console = Console(file=said, width=200)
    folder = train([str(tmp_path / "leaking.csv")], tmp_path, recipe_file, console)
    assert "\nwarning: n_cores alone may give the answer away: of 180 phones" in said.getvalue()
    card, report = ((folder / name).read_text() for name in ("MODEL_CARD.md", "report.html"))
    assert "- `n_cores` alone may give the answer away" in card
    assert "<code>n_cores</code> alone may give the answer away" in report
    (leak,) = bundle.read(folder).passport.metrics["leaks"]
    assert (leak["feature"], leak["alone"], leak["rows"]) == ("n_cores", 1.0, 180)
    # nothing of what is known of the public data alone
    assert "2017" not in card
    assert "a table supplied by the user" in card


def test_card_report_and_pictures_lie_beside_the_model(model_repository: Path) -> None:
    folder = bundle.find(model_repository)
    card = (folder / "MODEL_CARD.md").read_text()
    passport = bundle.read(folder).passport
    assert passport.training_data.sha256 in card
    assert f"{passport.metrics['accuracy']:.4f}" in card
    assert "[report](report.html)" in card
    assert "within one standard error of the lowest" in card
    assert "The model uses all 20 features." in card
    assert "Weights of the first hidden layer, as norms over the largest: `" in card
    assert "the ordinal linear model, which learned from the same phones: " in card
    assert "No theorem promises the nominal coverage" in card
    assert "[history.csv](history.csv)" in card
    assert "alone may give the answer away" not in card
    assert f"**{passport.metrics['diagnosis']['verdict']}**" in card
    for picture in ("learning_curve.svg", "confusion_matrix.svg"):
        assert f"({picture})" in card
        assert (folder / picture).read_text().startswith("<svg")


def test_the_same_recipe_and_data_give_the_same_bytes_in_another_process(
    model_repository: Path, recipe_file: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", TRAIN, "synthetic:1000", tmp_path, recipe_file], check=True)
    first, second = bundle.find(model_repository), bundle.find(tmp_path, 1)
    names = {path.name for path in first.iterdir()} - {"bundle.json", "approval.json"}
    assert names == {
        "model.onnx",
        "MODEL_CARD.md",
        "report.html",
        "history.csv",
        "learning_curve.svg",
        "confusion_matrix.svg",
    }
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    one, other = (json.loads((folder / "bundle.json").read_text()) for folder in (first, second))
    assert {**one, "created": None} == {**other, "created": None}


def test_every_epoch_is_a_line_of_the_history(model_repository: Path) -> None:
    folder = bundle.find(model_repository)
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    kept = bundle.read(folder).passport.metrics["kept_epoch"]
    row = rows[kept["number"] - 1]
    assert int(row["epoch"]) == kept["number"]
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        assert float(row[name]) == kept[name]
    for layer in kept["layers"]:
        for name in ("gradient_norm", "activation_mean", "activation_variance", "dead"):
            found = row[f"{layer['name']} {name}"]
            assert (float(found) if found else None) == layer[name]


def test_a_card_without_patience_says_that_the_last_weights_were_kept(
    recipe_file: Path, tmp_path: Path
) -> None:
    endless = tmp_path / "endless.toml"
    endless.write_text(recipe_file.read_text().replace("patience = 30", "").replace("= 30", "= 3"))
    card = (train(["synthetic:200"], tmp_path, endless) / "MODEL_CARD.md").read_text()
    assert "those of the last epoch,\n3:" in card
    assert "standard error of the lowest" not in card
    assert "chose the epoch" not in card


@pytest.mark.long
def test_a_warning_of_the_command_line_is_one_plain_line(recipe_file: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.toml"
    text = recipe_file.read_text().replace("= 30", "= 2")
    still.write_text(text.replace("[head]", '[initialisation]\nname = "ones"\n[head]'))
    command = ["train", "--data", "synthetic:200", "--models", tmp_path, "--recipe", still]
    said = subprocess.run(
        [sys.executable, "-c", "from pricerange.cli import main; main()", *command],
        capture_output=True,
        text=True,
        check=True,
    ).stderr.splitlines()
    (line,) = [line for line in said if "initialisation" in line and "warning" in line.lower()]
    assert line.startswith("warning: initialisation 'ones' gives all units")
    assert not any("initialise.py" in line for line in said)


def test_another_seed_gives_another_model_and_the_next_version(two_versions: Path) -> None:
    first, second = (bundle.find(two_versions, number) for number in (1, 2))
    assert second.name == "2"
    assert (second / "model.onnx").read_bytes() != (first / "model.onnx").read_bytes()
    verdict = bundle.read(second).passport.verdict
    assert verdict is not None
    assert verdict.comparisons.served is not None
    assert verdict.comparisons.served.version == "1"
    # by another seed, few of the test phones are new to both
    assert 0 < verdict.comparisons.served.rows < verdict.comparisons.linear.rows == 100


def test_a_model_of_labels_that_say_nothing_is_called_so_and_not_taken(
    model_repository: Path, recipe_file: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    features, price_range = synthetic.phones(400)
    shuffled = tmp_path / "shuffled.csv"
    labels = np.random.default_rng(0).permutation(price_range)
    shuffled.write_text(synthetic.as_csv(features, labels))
    said = io.StringIO()
    version = train([str(shuffled)], models, recipe_file, Console(file=said, width=1_000))
    lines = said.getvalue().splitlines()
    assert "diagnosis: no signal" in lines
    assert "verdict: not promotable" in lines
    assert any(line.startswith("- not better than chance beyond doubt: ") for line in lines)
    assert any(line.startswith("- wrong as often as right, or more: ") for line in lines)
    assert bundle.find(models).name == "1"
    page, card = ((version / name).read_text() for name in ("report.html", "MODEL_CARD.md"))
    for text in (page, card):
        assert "Not better than chance beyond doubt: " in text
    assert page.count('class="box verdict"') == 2
    assert "**Not promotable**" in card


def test_a_run_whose_loss_is_lost_writes_no_version(recipe_file: Path, tmp_path: Path) -> None:
    wild = tmp_path / "wild.toml"
    text = recipe_file.read_text().replace("learning_rate = 0.05", "learning_rate = 1e30")
    wild.write_text(text)
    with pytest.raises(
        DivergedError, match=r"epoch \d+, batch \d+.* the likely cause is a learning rate that is too high"
    ):
        train(["synthetic:200"], tmp_path, wild)
    assert bundle.versions(tmp_path) == []


@pytest.mark.parametrize(
    ("event", "file"),
    few(
        1,
        [
            pytest.param("os.rename", "1", id="before it takes its number"),
            pytest.param("open", "bundle.json", id="before its passport is written"),
        ],
    ),
)
def test_a_killed_run_leaves_no_version_behind(
    recipe_file: Path, tmp_path: Path, event: str, file: str
) -> None:
    suicide = f"""
import os, signal, sys

def hook(event, arguments):
    if event == {event!r} and os.path.basename(os.fsdecode(arguments[event == "os.rename"])) == {file!r}:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
"""
    killed = subprocess.run(
        [sys.executable, "-c", suicide + TRAIN, "synthetic:200", tmp_path, recipe_file], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert list((tmp_path / bundle.MODEL_NAME).glob(".writing-*"))
    assert bundle.versions(tmp_path) == []
    assert train(["synthetic:200"], tmp_path, recipe_file).name == "1"
