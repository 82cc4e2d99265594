"""Tables of phones, dropped or chosen."""

import json
import subprocess
from pathlib import Path

import pytest
from live_server import PRICERANGE
from playwright.sync_api import Page, Route, expect
from pyarrow import csv
from site_visit import Visit

from pricerange.phone import FEATURE_NAMES, FEATURES

MODELS = Path(__file__).parents[5] / "models"
ROW = [f"{feature.example:g}" for feature in FEATURES]


def _table(folder: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    file = folder / "phones.csv"
    file.write_text("\n".join(map(delimiter.join, [[*FEATURE_NAMES, "sku"], *rows])) + "\n")
    return file


def _drop(page: Page, file: Path) -> None:
    """Drop a file as a person does, but for the hand."""
    page.evaluate(
        """async ([name, text]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], name));
          for (const kind of ['dragenter', 'dragover', 'drop']) {
            const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
          }
        }""",
        [file.name, file.read_text()],
    )


def _saved(page: Page, folder: Path) -> Path:
    page.get_by_role("button", name="Answer all rows").click()
    link = page.get_by_role("link", name="Save")
    with page.expect_download() as download:
        link.click()
    download.value.save_as(folder / "saved")
    return folder / "saved"


def test_a_file_that_is_dropped_is_answered_as_score_answers_it(page: Page, tmp_path: Path) -> None:
    rows = [[*ROW[:13], str(256 + place), *ROW[14:], f"sku-{place}"] for place in range(3_000)]
    file = _table(tmp_path, rows)
    _drop(page, file)
    expect(page.get_by_role("tab", name="A table")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#table-told")).to_have_text("The first 20 rows: all can be answered.")
    assert page.locator("#table-preview tbody tr").count() == 20
    saved = _saved(page, tmp_path)
    scored = tmp_path / "scored.csv"
    subprocess.run(
        [PRICERANGE, "score", "--models", MODELS, "--on-bad-row", "null", file, scored], check=True
    )
    assert csv.read_csv(saved).equals(csv.read_csv(scored))


def test_bad_cells_are_marked_and_told(page: Page, tmp_path: Path) -> None:
    bad = [*ROW]
    bad[FEATURE_NAMES.index("ram")] = "4"
    bad[FEATURE_NAMES.index("wifi")] = ""
    _drop(page, _table(tmp_path, [[*ROW, "a"], [*bad, "b"], [*ROW, "c"]]))
    expect(page.locator("#table-told")).to_contain_text("The first 3 rows: 1 cannot be answered.")
    marked = page.locator("#table-preview td.is-wrong")
    expect(marked).to_have_text(["none", "4", "empty"])
    expect(page.locator("#table-preview .why")).to_contain_text(
        "ram must be a whole number between 128 and 131072 MB, got 4; wifi"
    )
    answers = csv.read_csv(_saved(page, tmp_path))
    assert answers["label"].to_pylist() == ["very high", "", "very high"]
    assert answers["sku"].to_pylist() == ["a", "b", "c"]


def test_decimal_commas_are_noticed(page: Page, tmp_path: Path) -> None:
    _drop(page, _table(tmp_path, [[*(cell.replace(".", ",") for cell in ROW), "a"]], ";"))
    expect(page.locator("#table-told")).to_have_text("The first row: all can be answered.")
    expect(page.locator("#table-decimal")).to_have_value(",")
    assert csv.read_csv(_saved(page, tmp_path))["label"].to_pylist() == ["very high"]
    expect(page.locator("#table-told")).to_contain_text("Read as: columns are separated by semicolons.")


def test_lines_of_json_are_answered_in_lines(page: Page, tmp_path: Path) -> None:
    phone = {feature.name: feature.example for feature in FEATURES}
    file = tmp_path / "phones.ndjson"
    file.write_text("\n".join(json.dumps(one) for one in (phone, {**phone, "ram": "much"})))
    page.get_by_role("tab", name="A table").click()
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_label("Add 90 % prediction sets").check()
    expect(page.locator("#table-preview td.is-wrong")).to_have_text(["none", "much"])
    good, wrong = map(json.loads, _saved(page, tmp_path).read_text().splitlines())
    assert (good["label"], good["prediction_set"], good["ram"]) == ("very high", [3], 2800)
    assert wrong["error"].startswith("ram must be a whole number")


def test_a_line_that_is_a_list_has_no_columns(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "phones.ndjson"
    file.write_text(json.dumps({feature.name: feature.example for feature in FEATURES}) + "\n[1]\n")
    _drop(page, file)
    expect(page.locator("#table-told")).to_contain_text("The first 2 rows: 1 cannot be answered.")
    expect(page.locator("#table-preview thead th")).to_have_text(["Row", "Answer", *FEATURE_NAMES])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("ram,fc\n1,2\n", "battery_power", id="columns-missing"),
        pytest.param("", "the body is empty, expected a header", id="empty"),
    ],
)
def test_what_is_no_table_of_phones_is_told_in_the_words_of_the_service(
    visit: Visit, tmp_path: Path, text: str, said: str
) -> None:
    page = visit.opened()
    visit.allow(422)
    file = tmp_path / "phones.csv"
    file.write_text(text)
    _drop(page, file)
    expect(page.locator("#table-told")).to_contain_text(said)
    expect(page.get_by_role("button", name="Answer all rows")).to_be_disabled()


@pytest.mark.parametrize(
    ("text", "told", "can_start"),
    [
        pytest.param("", "There are no rows in this file.", False, id="none"),
        pytest.param("z" * 70_000, "The first row is too long to be shown here.", True, id="a-long-one"),
    ],
)
def test_where_no_row_is_shown_none_is_said_to_be_good(
    page: Page, tmp_path: Path, text: str, told: str, can_start: bool
) -> None:
    _drop(page, _table(tmp_path, [[*ROW, text]] if text else []))
    expect(page.locator("#table-told")).to_have_text(told)
    start = page.get_by_role("button", name="Answer all rows")
    expect(start).to_be_enabled() if can_start else expect(start).to_be_disabled()


def test_a_folder_is_no_file(page: Page) -> None:
    page.evaluate(
        """() => {
          const folder = new File([], 'phones');
          folder.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('', 'NotFoundError')) });
          const event = new Event('drop', { cancelable: true });
          event.dataTransfer = { files: [folder], types: ['Files'] };
          document.dispatchEvent(event);
        }"""
    )
    expect(page.locator("#table-told")).to_contain_text("This cannot be read: it is a folder")
    expect(page.get_by_role("button", name="Answer all rows")).to_be_disabled()


def test_while_a_table_is_sent_nothing_else_can_be_chosen(page: Page, tmp_path: Path) -> None:
    _drop(page, _table(tmp_path, [[*ROW, "a"]]))
    sets = page.get_by_label("Add 90 % prediction sets")
    expect(sets).to_be_enabled()
    held: list[Route] = []
    page.route("**/predict/batch?*", lambda route: held.append(route))  # noqa: PLW0108
    start = page.get_by_role("button", name="Answer all rows")
    start.click()
    expect(sets).to_be_disabled()
    expect(start).to_be_disabled()
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_role("link", name="Save")).to_be_visible()
    expect(sets).to_be_enabled()


def test_of_two_looks_at_the_first_rows_the_last_is_shown(page: Page, tmp_path: Path) -> None:
    held: list[Route] = []
    page.route("**/predict/batch?*", lambda route: route.continue_() if held else held.append(route))
    _drop(page, _table(tmp_path, [[*ROW, "a"]]))
    expect(page.locator("#table-name")).to_contain_text("phones.csv")
    _drop(page, _table(tmp_path, [[*ROW, "b"]] * 2))
    expect(page.locator("#table-told")).to_have_text("The first 2 rows: all can be answered.")
    held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#table-told")).to_have_text("The first 2 rows: all can be answered.")
