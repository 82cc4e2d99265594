"""`pricerange drift`: a table, a report, and an exit code that says whether something has changed."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from live_server import PRICERANGE

from pricerange import synthetic
from pricerange.errors import TargetError
from pricerange.phone import FEATURE_NAMES
from scoring.drift.drift import EXIT_CODE
from scoring.errors import FewRowsError, NoDriftReferenceError

RAM = FEATURE_NAMES.index("ram")


class Outline(HTMLParser):
    """Fails where an end tag does not meet its start."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def write(path: Path, times: float = 1.0, rows: int = 1_000) -> Path:
    phones, price_range = synthetic.phones(rows, block=2)
    phones[:, RAM] = np.rint(times * phones[:, RAM])
    path.write_text(synthetic.as_csv(phones, price_range))
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PRICERANGE, "drift", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def changed(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What is printed, and the report, of phones of twice as much memory."""
    folder = tmp_path_factory.mktemp("drift")
    data, page = write(folder / "[b]<b>&phones.csv", times=2), folder / "report.html"
    ended = run("--reference", model_repository, "--data", data, "--output", page)
    assert ended.returncode == EXIT_CODE
    return ended.stdout, page.read_text()


def test_prints_what_has_changed(changed: tuple[str, str]) -> None:
    printed, _ = changed
    assert printed.splitlines()[0].startswith("phone_price_range 1, ")
    assert printed.splitlines()[0].endswith("/[b]<b>&phones.csv: 1,000 phones")
    assert printed.endswith("\nchanged: ram, price_range\n")
    [ram] = re.findall(r"^ram .*", printed, re.MULTILINE)
    assert ram.split()[-1] == "changed"
    [wifi] = re.findall(r"^wifi .*", printed, re.MULTILINE)
    assert "changed" not in wifi
    assert re.search(r"^expected accuracy +\d+\.\d% +\d+\.\d%", printed, re.MULTILINE)


def test_the_report_has_a_picture_of_all_indices_and_of_what_has_changed(changed: tuple[str, str]) -> None:
    _, page = changed
    assert Outline(page).open == []
    assert "<strong>Changed: <code>ram</code>, <code>price_range</code>.</strong>" in page
    # all indices, the answers, ram and the two features next to it
    assert page.count("<svg role") == 5
    assert all(f"<code>{name}</code>" in page for name in FEATURE_NAMES)
    assert page.count('class="over"') == 2


def test_the_report_loads_nothing_and_a_name_of_a_file_cannot_break_out(changed: tuple[str, str]) -> None:
    _, page = changed
    assert "://" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "&lt;b&gt;&amp;phones.csv" in page
    assert len(page) < 60_000


def test_phones_like_those_learned_from_end_with_0(model_repository: Path, tmp_path: Path) -> None:
    data, page = write(tmp_path / "phones.csv"), tmp_path / "drift.html"
    ended = run("--reference", model_repository, "--data", data, "--output", page)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("\nnothing has changed\n")
    assert "Nothing has changed" in page.read_text()


def test_each_error_has_its_exit_code_and_writes_nothing(model_repository: Path, tmp_path: Path) -> None:
    data, page = write(tmp_path / "phones.csv", rows=200), tmp_path / "drift.html"
    few = write(tmp_path / "few.csv", rows=50)
    asked = ("--reference", model_repository, "--output", page, "--data")
    assert run(*asked, few).returncode == FewRowsError.exit_code
    older = run("--reference", "models", "--model-version", "2", "--data", data, "--output", page)
    assert older.returncode == NoDriftReferenceError.exit_code
    nowhere = run("--reference", model_repository, "--data", data, "--output", tmp_path / "no" / "drift.html")
    assert nowhere.returncode == TargetError.exit_code
    assert not page.exists()
