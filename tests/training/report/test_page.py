"""The report: one HTML file that says how a run went and needs nothing but itself."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pricerange import bundle
from pricerange.phone import FEATURE_NAMES
from training.network.initialise import SymmetryWarning
from training.train import train

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIET += ("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr")
VOID = {"meta", "link"}


class Outline(HTMLParser):
    """Which elements a page has; fails where an end tag does not meet its start."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(model_repository: Path) -> str:
    return (bundle.find(model_repository) / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_every_element_is_closed_and_every_id_unique(outline: Outline) -> None:
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert outline.open == []
    assert sorted(ids, key=str) == sorted(set(ids), key=str)
    assert ids


def test_every_reference_leads_to_an_id_of_the_page(page: str, outline: Outline) -> None:
    ids = {attributes.get("id") for _, attributes in outline.elements}
    referred = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|labelledby="([^"]+)"', page)
    assert referred
    assert {"".join(found) for found in referred} <= ids


def test_nothing_is_loaded_and_nothing_is_run(page: str, outline: Outline) -> None:
    assert "://" not in page
    assert not {"script", "iframe", "img", "object"} & {tag for tag, _ in outline.elements}
    policy = next(one["content"] for one in outline.all("meta") if "http-equiv" in one)
    assert "default-src 'none'" in str(policy)


def test_pictures_and_tables_speak_to_a_screen_reader(outline: Outline) -> None:
    pictures = outline.all("svg")
    assert len(pictures) == 9
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert all("scope" in header for header in outline.all("th"))
    assert len(outline.all("h1")) == 1


def test_says_how_good_the_model_is_and_what_the_verdict_rests_on(model_repository: Path, page: str) -> None:
    metrics = bundle.read(bundle.find(model_repository)).passport.metrics
    assert f"{100 * metrics['accuracy']:.1f} %" in page
    assert f"{metrics['nll']:.3f}" in page
    assert f"<strong>{metrics['diagnosis']['verdict']}</strong>" in page
    assert metrics["diagnosis"]["evidence"][0] in page
    assert "<strong>not promotable</strong>" in page
    assert "Better than chance beyond doubt: " in page
    assert "No version was served, so that there was none to compare with." in page


def test_shows_the_recipe_the_data_the_layers_and_the_features(model_repository: Path, page: str) -> None:
    passport = bundle.read(bundle.find(model_repository)).passport
    for text in (passport.training_data.sha256, "batch_norm_bias", "one_cycle", "BatchNorm1d", "OrdinalHead"):
        assert text in page
    assert all(f">{name}</text>" in page for name in FEATURE_NAMES)


def test_shows_the_weights(page: str, outline: Outline) -> None:
    assert len(outline.all("details")) == page.count('<table class="values">') > 4
    assert "Values of <code>body.blocks.0.weight</code>" in page
    assert "Values of <code>head.log_steepness</code>" in page
    assert "All of them are shown." in page


def test_is_small_enough_to_be_committed(page: str) -> None:
    assert len(page.encode()) < 250_000


def test_a_bad_run_gets_advice_and_a_file_name_cannot_break_out(recipe_file: Path, tmp_path: Path) -> None:
    from pricerange import synthetic

    phones = tmp_path / "<b>&phones.csv"
    phones.write_text(synthetic.as_csv(*synthetic.phones(200)))
    hopeless = tmp_path / "hopeless.toml"
    hopeless.write_text(recipe_file.read_text().replace("= 30", "= 3"))
    page = (train([str(phones)], tmp_path, hopeless) / "report.html").read_text(encoding="utf-8")
    assert Outline(page).open == []
    assert "&lt;b&gt;&amp;phones.csv" in page
    assert "<strong>underfitting</strong>" in page
    assert "Raise <code>loop.epochs</code> (now 3)." in page


def test_says_of_networks_side_by_side_whose_curves_are_shown(recipe_file: Path, tmp_path: Path) -> None:
    bagged = tmp_path / "bagged.toml"
    text = recipe_file.read_text().replace("test = 0.1", "test = 0.1\nshuffle = false").replace("= 30", "= 2")
    bagged.write_text(text + "\n[bagging]\nnetworks = 2\n")
    version = train(["synthetic:300"], tmp_path, bagged)
    page = (version / "report.html").read_text(encoding="utf-8")
    assert Outline(page).open == []
    assert "The mean over 2 networks, each trained on a bootstrap sample" in page
    assert "the curves above are those of the first" in page
    card = (version / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "the parts follow one another in the order of the table" in card


def test_a_run_of_one_epoch_in_which_nothing_moved_can_be_shown(recipe_file: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.toml"
    text = recipe_file.read_text().replace("= 30", "= 1")
    text = text.replace("batch_norm_bias = 3.0", "batch_norm = false").replace('"one_cycle"', '"constant"')
    still.write_text(text.replace("warm_up = 0.3", "") + '\n[initialisation]\nname = "zeros"\n')
    with pytest.warns(SymmetryWarning):
        version = train(["synthetic:200"], tmp_path, still)
    page = (version / "report.html").read_text(encoding="utf-8")
    assert Outline(page).open == []
    assert "None matters by more than chance." in page
    assert bundle.read(version).passport.metrics["diagnosis"]["verdict"] == "dead units"


@contextmanager
def served(page: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a page on a free port; yield its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/report.html", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")
def test_a_browser_loads_nothing_beside_it_and_has_nothing_to_complain_of(page: str, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    with served(page) as (address, asked):
        browser = subprocess.run(
            [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}", "--dump-dom", address],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert asked == ["/report.html"]
    assert "CONSOLE" not in browser.stderr
    assert browser.stdout.count("<svg") == 9
