"""The policy of a document is made of its own styles."""

import base64
import hashlib
import time

import pytest

from service.web.policy import of_report


def hashed(style: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def test_the_elements_and_attributes_of_a_document_are_allowed_each_once() -> None:
    html = (
        "<style>\n p > a { color: red }\n</style><p style='fill: none'>a</p>"
        '<svg><g style="fill: none"></g><g style="stroke: &quot;x&quot;"/></svg><p style>b</p>'
    )
    styles = ["fill: none", 'stroke: "x"', "\n p > a { color: red }\n"]
    policy = of_report(html)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-hashes' '")
    assert set(policy.split(";")[1].split()[2:]) == {hashed(style) for style in styles}
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy


def test_a_document_without_styles_is_allowed_none() -> None:
    assert "style-src" not in of_report("<p>text</p>")


@pytest.mark.parametrize("piece", ["<!--", "<![", "<style", "<style>", "</style", " style='", "<&"])
def test_what_is_no_html_takes_no_time(piece: str) -> None:
    began = time.process_time()
    of_report(piece * (1_000_000 // len(piece)))
    # a parser of HTML takes minutes
    assert time.process_time() - began < 5


def test_a_document_of_very_many_styles_makes_no_very_long_header() -> None:
    html = "".join(f'<p style="margin: {number}px">' for number in range(10_000))
    assert len(of_report(html)) < 8_000
