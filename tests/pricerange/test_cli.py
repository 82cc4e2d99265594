"""The command line: help for every command, one line for an error, nothing imported that is not used."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from live_server import PRICERANGE

from pricerange import errors, synthetic
from pricerange.phone import FEATURES
from pricerange.tables.errors import DialectError, NoInputError, TableNotFoundError


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PRICERANGE, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "compare", "search", "serve", "score", "drift", "models", "predict"]
)
def test_every_command_has_help(command: str) -> None:
    shown = run(command, "--help")
    assert shown.returncode == 0
    assert "Usage: pricerange" in shown.stdout
    assert command in run("--help").stdout


def test_serve_offers_every_setting_as_a_flag() -> None:
    from service.settings import Settings

    shown = run("serve", "--help").stdout
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in shown


def test_models_lists_versions(model_repository: Path) -> None:
    listed = run("models", "--models", model_repository)
    assert listed.returncode == 0
    assert listed.stdout.startswith("1 ")
    assert "accuracy" in listed.stdout


def test_models_says_which_version_is_taken_and_a_person_may_overrule(
    model_repository: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    shutil.copytree(models / "phone_price_range" / "1", models / "phone_price_range" / "2")
    (models / "phone_price_range" / "2" / "approval.json").unlink()
    listed = run("models", "--models", models)
    assert listed.returncode == 0
    first, second = listed.stdout.splitlines()
    assert re.search(r"  approved by \S+, \d{4}-\d\d-\d\d: good enough for tests \(taken\)$", first)
    assert "  not promotable: significantly worse than the ordinal linear model" in second
    assert listed.stderr.startswith("version 2 is passed over for version 1: not promotable: ")
    approved = run("models", "approve", "2", "--why", "seen", "--models", models)
    assert (approved.returncode, approved.stdout) == (0, f"{models}/phone_price_range/2/approval.json\n")
    assert run("models", "--models", models).stdout.endswith(": seen (taken)\n")
    for number in ("1", "2"):
        assert run("models", "--models", models, "reject", number, "--why", "old").returncode == 0
    listed = run("models", "--models", models)
    assert listed.returncode == errors.NoPromotableVersionError.exit_code
    assert len(listed.stdout.splitlines()) == 2
    assert "`pricerange models approve N --why TEXT`" in listed.stderr
    missing = run("models", "approve", "7", "--why", "seen", "--models", models)
    assert missing.returncode == errors.ModelNotFoundError.exit_code


def test_score_says_which_version_it_passed_over(model_repository: Path, tmp_path: Path) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    shutil.copytree(models / "phone_price_range" / "1", models / "phone_price_range" / "2")
    assert run("models", "reject", "2", "--why", "old", "--models", models).returncode == 0
    assert run("synth", "5", tmp_path / "in.csv").returncode == 0
    command = ["score", tmp_path / "in.csv", tmp_path / "out.csv", "--models", models]
    for named, scorer in (([], 1), (["--model-version", "2"], 2)):
        scored = run(*command, *named)
        assert scored.returncode == 0
        assert ("version 2 is passed over for version 1: rejected by" in scored.stderr) == (scorer == 1)
        assert f"scored by phone_price_range version {scorer} " in scored.stdout


def test_evaluate_prints_tables_or_json(model_repository: Path) -> None:
    command = ["evaluate", "--models", model_repository, "--model-version", "1", "--data", "synthetic:300"]
    tables, stored = run(*command), run(*command, "--json")
    assert (tables.returncode, stored.returncode) == (0, 0)
    evaluation = json.loads(stored.stdout)["evaluation"]
    assert evaluation["rows"] == 300
    assert f"{evaluation['accuracy']:.4f}" in tables.stdout


def test_data_may_be_named_several_times_and_what_is_ignored_is_said_beside_the_result(
    model_repository: Path, tmp_path: Path
) -> None:
    header, *rows = synthetic.as_csv(*synthetic.phones(300)).splitlines()
    command = ["evaluate", "--models", model_repository, "--json"]
    for name, part in (("a.csv", rows[:200]), ("b.csv", rows[200:])):
        (tmp_path / name).write_text("\n".join([f"id,{header}", *(f"7,{row}" for row in part)]))
        command += ["--data", tmp_path / name]
    named, whole = run(*command), run(*command[:4], "--data", "synthetic:300")
    assert (named.returncode, named.stderr) == (0, "ignored: id\n")
    found, expected = json.loads(named.stdout), json.loads(whole.stdout)
    assert found["evaluation"] == expected["evaluation"]
    assert found["source"] == f"2 files in {tmp_path.name}"


def test_compare_prints_a_table_and_fills_a_folder(recipe_file: Path, tmp_path: Path) -> None:
    folds = ["--folds", "2", "--repeats", "1", "--jobs", "1"]
    command = ["compare", "--data", "synthetic:200", "--recipe", recipe_file, "--output", tmp_path]
    compared = run(*command, *folds)
    assert compared.returncode == 0
    assert "200 phones, 2 folds x 1" in compared.stdout
    assert "ordinal linear" in compared.stdout
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".csv", ".svg"}


def test_search_reports_and_writes_a_recipe(recipe_file: Path, tmp_path: Path) -> None:
    storage, output = f"sqlite:///{tmp_path / 'search.db'}", tmp_path / "best.toml"
    command = ["search", "--data", "synthetic:200", "--recipe", recipe_file, "--trials", "1"]
    searched = run(*command, "--storage", storage, "--output", output)
    assert searched.returncode == 0
    assert searched.stdout.startswith("Finished trials: 1. Means of 5 runs on 40 held-out phones")
    assert output.read_text().startswith("# The best recipe of the study phone_price_range")


def test_models_fails_for_a_version_that_serve_would_refuse(model_repository: Path, tmp_path: Path) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    passport = models / "phone_price_range" / "1" / "bundle.json"
    fields = json.loads(passport.read_text())
    fields["golden_rows"][0]["probabilities"] = [1.0, 0.0, 0.0, 0.0][
        :: -1 if fields["golden_rows"][0]["probabilities"][0] > 0.5 else 1
    ]
    passport.write_text(json.dumps(fields))
    listed = run("models", "--models", models)
    assert listed.returncode == errors.GoldenRowError.exit_code
    assert "1  invalid: " in listed.stdout
    approved = run("models", "approve", "1", "--why", "it has to serve", "--models", models)
    assert approved.returncode == errors.GoldenRowError.exit_code
    assert run("models", "reject", "1", "--why", "it cannot serve", "--models", models).returncode == 0
    assert run("models", "--models", tmp_path / "nowhere").returncode == errors.ModelNotFoundError.exit_code


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(
            ["evaluate", "--data", "synthetic", "--models", "nowhere"],
            errors.ModelNotFoundError,
            id="evaluate",
        ),
        pytest.param(["score", "nowhere.csv", "out.csv"], TableNotFoundError, id="score"),
        pytest.param(["train", "--data", "nowhere.csv"], TableNotFoundError, id="train"),
        pytest.param(["evaluate", "--data", "no*.csv"], NoInputError, id="evaluate without a file"),
        pytest.param(["serve", "--models", "nowhere"], errors.ModelNotFoundError, id="serve"),
        pytest.param(["serve", "--cost-matrix", "[[0,1]]"], errors.SettingsError, id="serve by no costs"),
        pytest.param(["score", "a.csv", "b.csv", "--abstain"], errors.SettingsError, id="no sets"),
        pytest.param(
            ["score", "a.csv", "b.csv", "--cost-matrix", "costs.csv"], errors.SettingsError, id="no costs"
        ),
    ],
)
def test_an_error_is_one_line_and_its_own_exit_code(
    arguments: list[str], error: type[errors.PriceRangeError], model_repository: Path, tmp_path: Path
) -> None:
    if "--models" not in arguments:
        arguments = [*arguments, "--models", str(model_repository)]
    ended = run(*arguments)
    assert ended.returncode == error.exit_code
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1


def test_score_reads_a_dialect_and_says_what_it_has_guessed(model_repository: Path, tmp_path: Path) -> None:
    names = ";".join(feature.name.upper() for feature in FEATURES)
    texts = {feature.name: str(feature.example).replace(".", ",") for feature in FEATURES}
    rows = [
        ";".join((texts | changed).values()) for changed in ({"ram": "2.800"}, {"wifi": "Yes"}, {"fc": "?"})
    ]
    (tmp_path / "in.csv").write_text("\n".join([names, *rows, ";" * 19, ""]))
    asked = ["--decimal", ",", "--thousands", ".", "--null-values", "NA,?", "--on-bad-row", "null"]
    paths = [str(tmp_path / name) for name in ("in.csv", "out.csv")]
    ended = run("score", *paths, "--models", str(model_repository), *asked)
    assert ended.returncode == 0
    assert "3 rows from 1 file" in ended.stdout
    assert "fc: null" in ended.stdout
    assert (
        "in.csv: columns are separated by semicolons; BATTERY_POWER is read as battery_power" in ended.stderr
    )
    ended = run("score", *paths, "--models", str(model_repository), "--decimal", ",", "--thousands", ",")
    assert ended.returncode == DialectError.exit_code
    assert ended.stderr == "error: thousands: expected another mark than the decimal one, got ','\n"


def test_score_decides_by_costs_and_abstains(model_repository: Path, tmp_path: Path) -> None:
    names, values = ([str(getattr(one, what)) for one in FEATURES] for what in ("name", "example"))
    (tmp_path / "in.csv").write_text(f"{','.join(names)}\n{','.join(values)}\n")
    (tmp_path / "costs.csv").write_text("0,0,0,0\n1,0,1,1\n1,1,0,1\n1,1,1,0\n")
    paths = [str(tmp_path / name) for name in ("in.csv", "out.csv")]
    asked = ["--sets", "0.9", "--abstain", "--cost-matrix", str(tmp_path / "costs.csv")]
    ended = run("score", *paths, "--models", str(model_repository), *asked)
    assert ended.returncode == 0, ended.stderr
    header, line = (tmp_path / "out.csv").read_text().splitlines()
    assert header.endswith(",prediction_set,abstain,decision,expected_cost")
    assert re.search(r",(true|false),0,0(\.0)?$", line)


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("serve", "--nonsense").returncode == 2


def test_no_error_ends_like_success_or_wrong_usage() -> None:
    classes = [cls for cls in errors.PriceRangeError.__subclasses__() if cls.__module__ == errors.__name__]
    assert len(classes) > 15
    known = {*range(10, 50), 69, 72, *range(75, 82)}
    assert all(cls.exit_code in known for cls in classes)


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        pytest.param(
            "import pricerange.cli",
            ["pydantic", "pydantic_settings", "fastapi", "numpy", "pyarrow"],
            id="cli",
        ),
        pytest.param("import training.evaluate", ["torch", "optuna", "matplotlib", "onnx"], id="evaluate"),
        pytest.param(
            "import service.serve", ["torch", "pyarrow", "onnx", "sklearn", "model_signing"], id="service"
        ),
        pytest.param(
            "import scoring.score", ["torch", "fastapi", "uvicorn", "onnx", "sklearn"], id="scoring"
        ),
        pytest.param("import pricerange.tables.table", ["pyarrow", "torch"], id="table"),
    ],
)
def test_nothing_heavy_is_imported_before_its_time(program: str, absent: list[str]) -> None:
    code = f"import sys; {program}; print([name for name in {absent!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package() -> None:
    shown = run("--version")
    assert (shown.returncode, shown.stdout) == (0, f"pricerange {version('pricerange')}\n")


def test_score_does_not_wait_for_pandas(model_repository: Path, tmp_path: Path) -> None:
    # as installed as it can be: pyarrow imports what it finds by this name
    (tmp_path / "pandas.py").write_text("raise SystemExit('imported')")
    assert run("synth", "20", tmp_path / "phones.csv").returncode == 0
    scored = subprocess.run(
        [PRICERANGE, "score", tmp_path / "phones.csv", tmp_path / "out.csv", "--models", model_repository],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert scored.returncode == 0, scored.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 21


def test_a_signal_while_modules_are_imported_leaves_no_traceback(tmp_path: Path) -> None:
    """One that is interrupted then may make an error of its own of it, as those of NumPy do."""
    program = """
import sys
class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "scoring.score":
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as error:
                raise SystemError("initialization failed") from error
sys.meta_path.insert(0, Interrupted())
from pricerange.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "score", "in.csv", tmp_path / "out.csv"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, b"")
