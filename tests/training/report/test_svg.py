"""Figures as SVG."""

import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from training.report import svg


def drawing() -> Figure:
    with svg.figure(4, 3) as figure:
        axes = figure.subplots()
        axes.plot([0.001, 0.002, 0.003], [1, 2, 3], color=svg.SERIES[0], marker="o", label="a < b & c")
        axes.legend()
    return figure


def test_a_file_of_its_own_is_the_same_each_time_and_valid_on_white() -> None:
    first = svg.standalone(drawing())
    assert first == svg.standalone(drawing())
    root = ElementTree.fromstring(first)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "fill: #ffffff" in first.decode()
    assert b"matplotlib" not in first.lower()


def test_text_stays_text_with_all_its_digits() -> None:
    text = "".join(ElementTree.fromstring(svg.standalone(drawing())).itertext())
    assert "a < b & c" in text
    assert "0.00100" in text


def test_an_element_takes_the_colours_of_its_page_and_keeps_its_style_to_itself() -> None:
    element = svg.inline(drawing(), "curve", "A curve")
    assert "var(--series-1)" in element
    assert not re.search(r"#[0-9a-f]{6}\b", element)
    assert "<style" not in element


def test_elements_of_one_page_share_no_id() -> None:
    ids = [set(re.findall(r'\bid="([^"]+)"', svg.inline(drawing(), name, name))) for name in ("one", "other")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_an_element_says_what_it_shows_even_with_quotes() -> None:
    element = ElementTree.fromstring(svg.inline(drawing(), "curve", 'A "good" curve'))
    assert (element.get("role"), element.get("aria-label")) == ("img", 'A "good" curve')
