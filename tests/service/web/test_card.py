"""The model card as a page."""

import base64

from service.web.card import page

CARD = """# A model

See the [report](report.html), or [others](https://example.org/).

![A curve](curve.svg) ![Not ours](../secret.svg)

| a | b |
| - | -: |
| 1 | <script>alert(1)</script> |
"""


def test_a_card_becomes_a_page_of_its_own() -> None:
    asked = []

    def picture(name: str) -> bytes:
        asked.append(name)
        return b"<svg/>"

    html = page(CARD, {"report.html": "report"}, picture)
    assert "<h1>A model</h1>" in html
    assert '<a href="report">report</a>' in html
    assert '<a href="https://example.org/">others</a>' in html
    assert f"data:image/svg+xml;base64,{base64.b64encode(b'<svg/>').decode()}" in html
    assert '<td style="text-align:right">' in html
    assert asked == ["curve.svg"]


def test_html_in_a_card_is_text() -> None:
    html = page(CARD, {}, lambda name: b"")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<a" not in page("[x](javascript:alert(1))", {}, lambda name: b"")


def test_a_picture_is_shown_once_and_words_stand_for_one_that_is_missing() -> None:
    names = []

    def picture(name: str) -> bytes:
        names.append(name)
        return b"" if name == "missing.svg" else b"<svg/>"

    html = page("![One](a.svg) ![Gone](missing.svg) " + "![Again](a.svg) " * 1000, {}, picture)
    assert names == ["a.svg", "missing.svg"]
    assert html.count("data:image/svg+xml") == 1
    assert '<img src="" alt="Gone"' in html
