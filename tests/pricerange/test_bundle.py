"""A model version on disk: written whole or not at all."""

import json
import math
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pricerange import bundle
from pricerange.approval import Approval
from pricerange.errors import (
    ApprovalError,
    LabelsError,
    ModelNotFoundError,
    NoPromotableVersionError,
    PassportError,
    PriceRangeError,
    RolloutFileError,
)
from pricerange.verdict import Verdict

COMMITTED = Path(__file__).parents[2] / "models/phone_price_range"


@pytest.fixture
def models(model_repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model_repository, tmp_path / "models")


def write_again(models: Path) -> str:
    original = bundle.read(bundle.find(models, 1))
    return bundle.write(models, original.model, original.passport, {"MODEL_CARD.md": b"# Card\n"}).name


def test_what_was_written_is_read(models: Path) -> None:
    original = bundle.read(bundle.find(models))
    written = bundle.read(bundle.write(models, original.model, original.passport, {"note.txt": b"hello"}))
    assert (written.name, written.version) == ("phone_price_range", "2")
    assert written.passport == original.passport
    assert written.model == original.model
    assert (written.path / "note.txt").read_bytes() == b"hello"


def judged(models: Path, verdict: Verdict | None) -> Path:
    """Write the model again as the next version, with another verdict."""
    original = bundle.read(bundle.find(models, 1))
    passport = original.passport.model_copy(update={"verdict": verdict})
    return bundle.write(models, original.model, passport, {})


def passed(models: Path, promotable: bool) -> Path:
    own = bundle.read(bundle.find(models, 1)).passport.verdict
    assert own is not None
    return judged(
        models, own.model_copy(update={"promotable": promotable, "reasons": ["it is so", "it has to be"]})
    )


def test_the_newest_version_is_the_highest_number(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(9):
        judged(models, None)
    assert bundle.versions(models) == list(range(1, 11))
    assert bundle.find(models).name == "10"
    assert caplog.messages == []


def test_the_newest_promotable_version_is_taken_and_those_passed_over_are_named(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for promotable in (True, False, False):
        passed(models, promotable)
    assert bundle.find(models).name == "2"
    why = "for version 2: not promotable: it is so; it has to be"
    assert caplog.messages == [f"version {number} is passed over {why}" for number in (4, 3)]
    assert bundle.find(models, 4).name == "4"


def test_a_persons_word_counts_for_more_than_a_verdict(models: Path) -> None:
    good, bad = passed(models, True), passed(models, False)
    Approval.now("approved", "better than it looks").write(bad)
    assert bundle.find(models) == bad
    assert bundle.promotion(bad).why.endswith(": better than it looks")
    Approval.now("rejected", "it was the wrong file").write(bad)
    assert bundle.find(models) == good
    Approval.now("rejected", "this too").write(good)
    assert bundle.find(models).name == "1"
    Approval.now("rejected", "and this").write(bundle.find(models, 1))
    with pytest.raises(
        NoPromotableVersionError, match=r"approve N --why TEXT.*: version 3, rejected by .*: it was"
    ) as no:
        bundle.find(models)
    assert list(no.value.passed_over) == [3, 2, 1]
    assert str(no.value).endswith(": and this")
    assert bundle.find(models, 3) == bad
    Approval.now("rejected", "as well").write(passed(models, True))
    with pytest.raises(NoPromotableVersionError) as no:
        bundle.find(models)
    assert re.search(r"version 4, .* \| version 3, .* \| version 2, .* \| 1 more, which `pri", str(no.value))
    assert "version 1" not in str(no.value)


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        pytest.param("approval.json", "{}", ApprovalError, id="an approval"),
        pytest.param("bundle.json", "{", PassportError, id="a passport"),
        pytest.param(
            "bundle.json",
            '{"schema_version": 2, "verdict": {"promotable": 7}}',
            PassportError,
            id="a verdict",
        ),
    ],
)
def test_nothing_that_is_broken_is_passed_over_until_a_person_says_so(
    models: Path, file: str, text: str, error: type[Exception]
) -> None:
    newest = judged(models, None)
    (newest / file).write_text(text)
    with pytest.raises(error):
        bundle.find(models)
    Approval.now("rejected", "it is broken").write(newest)
    assert bundle.find(models).name == "1"


def test_the_stable_version_of_a_rollout_is_taken_whatever_is_newer(models: Path) -> None:
    newer, file = judged(models, None), models / "phone_price_range" / "rollout.toml"
    file.write_text("stable = 1\n[canary]\nversion = 2\nweight = 100\n")
    assert bundle.find(models).name == "1"
    assert bundle.find(models, 2) == newer
    file.unlink()
    assert bundle.find(models) == newer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("stable = 7", "stable: expected a folder that contains bundle.json", id="missing"),
        pytest.param(
            "stable = 2",
            "stable: expected a promotable version, found version 2, not promotable: it is so; it has to be",
            id="not promotable",
        ),
        pytest.param("stable = '1'", "stable: expected a valid integer", id="wrong"),
        pytest.param("", "stable: expected a value, found none", id="empty"),
    ],
)
def test_a_rollout_that_is_wrong_is_an_error_and_no_reason_to_take_the_newest(
    models: Path, text: str, words: str
) -> None:
    passed(models, False)
    (models / "phone_price_range" / "rollout.toml").write_text(text)
    with pytest.raises(RolloutFileError, match=words):
        bundle.find(models)
    assert bundle.find(models, 1).name == "1"


def test_a_version_that_is_missing_is_told_by_the_file_that_names_it(model_repository: Path) -> None:
    folder, file = model_repository / bundle.MODEL_NAME, Path("/etc/pricerange/rollout.toml")
    with pytest.raises(RolloutFileError, match=f"^{file}: canary.version"):
        bundle.require_promotable(folder, "canary.version", 9, file)


def test_writers_at_once_each_get_a_number(models: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.map(write_again, [models] * 12)
    assert sorted(map(int, numbers)) == list(range(2, 14))
    assert {path.name for path in (models / "phone_price_range").iterdir() if path.is_dir()} == {
        str(number) for number in range(1, 14)
    }


@pytest.mark.parametrize("name", ["01", "latest", ".writing-x", "1.5", "-1"])
def test_a_folder_that_is_no_version_number_is_not_a_version(models: Path, name: str) -> None:
    shutil.copytree(models / "phone_price_range" / "1", models / "phone_price_range" / name)
    assert bundle.versions(models) == [1]


def test_a_failed_write_leaves_nothing(models: Path) -> None:
    original = bundle.read(bundle.find(models))
    before = sorted(models.rglob("*"))
    with pytest.raises(FileExistsError):
        bundle.write(models, original.model, original.passport, {"model.onnx": b"", "./model.onnx": b""})
    assert sorted(models.rglob("*")) == before


def test_the_repository_reads_as_triton_expects(models: Path) -> None:
    write_again(models)
    folder = models / "phone_price_range"
    assert (folder / "labels.txt").read_text() == "low\nmedium\nhigh\nvery high\n"
    config = (folder / "config.pbtxt").read_text()
    assert config == (COMMITTED / "config.pbtxt").read_text()
    assert 'backend: "onnxruntime"' in config
    assert "dims: [20]" in config
    assert "max_batch_size: 1024" in config


def test_a_missing_version_is_named(models: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="version 7"):
        bundle.find(models, 7)


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        pytest.param('"very high"', '"huge"', LabelsError, "huge", id="labels"),
        pytest.param('"recipe"', '"recipee"', PassportError, "recipe", id="misspelt-field"),
        pytest.param('"golden_rows"', '"golden"', PassportError, "golden_rows", id="missing-field"),
        pytest.param(
            '"training_rows"', r'"a\nb":0,"training_rows"', PassportError, r"data\.'a\\nb': ", id="two-lines"
        ),
    ],
)
def test_a_passport_of_another_shape_is_refused(
    models: Path, old: str, new: str, error: type[Exception], words: str
) -> None:
    path = models / "phone_price_range" / "1" / "bundle.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(error, match=words):
        bundle.read(path.parent)


def broken(tmp_path: Path, change: Callable[[Path], None]) -> Path:
    shutil.copytree(COMMITTED / "2", tmp_path / "2")
    change(tmp_path / "2")
    return tmp_path / "2"


def change_passport(version: Path, **changes: object) -> None:
    path = version / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("row", [[1.0] * 19, [-1.0] * 20], ids=["short", "no-phone"])
def test_a_background_that_is_no_phones_is_refused(tmp_path: Path, row: list[float]) -> None:
    version = broken(tmp_path, partial(change_passport, schema_version=2, background={"rows": [row]}))
    with pytest.raises(PassportError, match=r"background.*inside the limits of its feature"):
        bundle.read(version)


@pytest.mark.parametrize("text", ["AAAA", "AAAAAAA=", "AAAAAAA\n", "AAAA AAA"])
def test_hashes_of_another_length_or_alphabet_are_refused(tmp_path: Path, text: str) -> None:
    seen = {"training": "AAAAAAAA" * 2, "validation": text}
    version = broken(tmp_path, partial(change_passport, schema_version=2, seen_rows=seen))
    with pytest.raises(PassportError, match=r"seen_rows\.validation"):
        bundle.read(version)


RAM = ("feature_ranges", "ram")
SETS = ("prediction_sets",)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        pytest.param(("metrics", "accuracy"), math.nan, "not valid JSON: found NaN", id="NaN"),
        pytest.param(("background", "rows", 0, 13), math.nan, "found NaN", id="NaN in the background"),
        pytest.param(("training_region", "limit"), math.inf, "found Infinity", id="infinity"),
        pytest.param((*RAM, "low"), 3_990.0, r"ram: expected low, deciles and high that rise", id="low"),
        pytest.param((*RAM, "high"), 1e300, r"ram: expected values inside the limits", id="high"),
        pytest.param((*SETS, "of_truth", 2, 0), 0.5, "expected scores of sha256", id="scores"),
        pytest.param((*SETS, "of_truth", 2), [], "expected scores of sha256", id="no scores"),
        pytest.param((*SETS, "unknown", 0, "thresholds", 0, 0), 0.99, "expected scores", id="threshold"),
        pytest.param((*SETS, "unknown"), [], "expected scores of sha256", id="no patterns"),
        pytest.param((*SETS, "sha256"), "0" * 64, "expected scores of sha256 0000", id="sha256"),
        pytest.param(
            ("background",), None, "json: expected reasons of golden rows where", id="no background"
        ),
    ],
)
def test_damage_that_would_change_what_answers_are_worth_is_refused(
    tmp_path: Path, place: tuple[str | int, ...], value: object, words: str
) -> None:
    version = shutil.copytree(COMMITTED / "3", tmp_path / "3")
    fields = json.loads((version / "bundle.json").read_text())
    within = fields
    for step in place[:-1]:
        within = within[step]
    within[place[-1]] = value
    (version / "bundle.json").write_text(json.dumps(fields))
    with pytest.raises(PassportError, match=words):
        bundle.read(version)


def test_numbers_that_are_too_large_for_a_float_are_refused(tmp_path: Path) -> None:
    version = shutil.copytree(COMMITTED / "3", tmp_path / "3")
    path = version / "bundle.json"
    path.write_text(re.sub(r'"limit": [0-9.]+', '"limit": 1e999', path.read_text()))
    with pytest.raises(PassportError, match=r"training_region\.limit: Input should be a finite number"):
        bundle.read(version)


def test_golden_rows_without_reasons_beside_a_background_are_refused(tmp_path: Path) -> None:
    version = shutil.copytree(COMMITTED / "3", tmp_path / "3")
    golden = json.loads((version / "bundle.json").read_text())["golden_rows"]
    change_passport(version, golden_rows=[{**row, "reasons": None} for row in golden])
    with pytest.raises(PassportError, match="expected reasons of golden rows where there is a background"):
        bundle.read(version)


def test_features_of_the_region_in_another_order_are_refused(tmp_path: Path) -> None:
    version = shutil.copytree(COMMITTED / "3", tmp_path / "3")
    region = json.loads((version / "bundle.json").read_text())["training_region"]
    change_passport(version, training_region={**region, "features": region["features"][::-1]})
    with pytest.raises(
        PassportError, match=r"training_region: features: expected names .* in the table's order"
    ):
        bundle.read(version)


def as_pipe(name: str) -> Callable[[Path], None]:
    def change(version: Path) -> None:
        (version / name).unlink()
        os.mkfifo(version / name)

    return change


def grown(name: str) -> Callable[[Path], None]:
    """A file of a terabyte that takes no room: reading it would."""
    return lambda version: os.truncate(version / name, 1 << 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(as_pipe("model.onnx"), "not a regular file", id="a pipe as the model"),
        pytest.param(as_pipe("bundle.json"), "not a regular file", id="a pipe as the passport"),
        pytest.param(grown("model.onnx"), "found 1099511627776", id="a model of a terabyte"),
        pytest.param(grown("bundle.json"), "at most 16777216 bytes", id="a passport of a terabyte"),
        pytest.param(
            lambda version: change_passport(version, feature_ranges={}), "feature_ranges", id="no ranges"
        ),
    ],
)
def test_what_would_keep_a_start_waiting_or_fail_it_later_is_rejected_at_once(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    with pytest.raises(PriceRangeError, match=message):
        bundle.read(broken(tmp_path, change))
