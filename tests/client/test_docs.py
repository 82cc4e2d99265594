"""Every example in the client's documentation runs, in its order, and prints what stands below it."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Server

import pricerange_client
from pricerange.errors import MissingExtraError, ServiceCallError, SettingsError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def committed() -> Iterator[Server]:
    """The service that a reader starts: with the committed model."""
    server = Server(ROOT / "models").wait_until_ready()
    yield server
    assert server.end() == 0


def test_examples_print_what_they_say(committed: Server) -> None:
    assert len(EXAMPLES) > 5
    names: dict[str, object] = {}
    for program, expected in EXAMPLES:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(program.replace("http://127.0.0.1:8000", committed.url), names)
        assert printed.getvalue() == expected, program


def test_the_table_of_errors_has_them_all() -> None:
    table = PAGE.partition("## Errors")[2].partition("## Keys")[0]
    named = set(re.findall(r"`(\w+Error)`", table))
    known = {name for name in pricerange_client.__all__ if name.endswith("Error")}
    assert named == known | {"TypeError", "ValueError"}  # those of Python itself


def test_the_table_of_methods_has_them_all() -> None:
    table = PAGE.partition("| method |")[2].partition("Each takes")[0]
    named = set(re.findall(r"`(\w+)\(", table))
    methods = {name for name in vars(pricerange_client.Client) if not name.startswith("_")}
    assert named == methods - {"send", "close"}


def test_exit_codes_are_the_errors() -> None:
    codes = PAGE.partition("**Exit codes**")[2]
    for error, words in (
        (SettingsError, "flags"),
        (MissingExtraError, "an extra"),
        (ServiceCallError, "a service"),
    ):
        assert f"{error.exit_code} {words}" in codes
