"""The header `traceparent`, by the examples and rules of W3C Trace Context."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.trace_context import TraceContext, trace_context

TRACE, SPAN = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        pytest.param(b"00-%b-%b-01" % (TRACE, SPAN), True, id="sampled"),
        pytest.param(b"00-%b-%b-00" % (TRACE, SPAN), False, id="not sampled"),
        pytest.param(b"00-%b-%b-03" % (TRACE, SPAN), True, id="another flag too"),
        pytest.param(b"00-%b-%b-02" % (TRACE, SPAN), False, id="another flag alone"),
        pytest.param(b"cc-%b-%b-01" % (TRACE, SPAN), True, id="a later version"),
        pytest.param(b"cc-%b-%b-01-what-the-future-brings" % (TRACE, SPAN), True, id="with more in it"),
    ],
)
def test_a_trace_context_is_read(header: bytes, sampled: bool) -> None:
    assert trace_context(header) == TraceContext(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param(b"", id="empty"),
        pytest.param(b"ff-%b-%b-01" % (TRACE, SPAN), id="version ff"),
        pytest.param(b"00-%b-%b-01-more" % (TRACE, SPAN), id="more in version 00"),
        pytest.param(b"00-%b-%b-01." % (TRACE, SPAN), id="a dot at its end"),
        pytest.param(b"cc-%b-%b-01.more" % (TRACE, SPAN), id="more without a hyphen"),
        pytest.param(b"00-%b-%b-01" % (b"0" * 32, SPAN), id="no trace"),
        pytest.param(b"00-%b-%b-01" % (TRACE, b"0" * 16), id="no span"),
        pytest.param(b"00-%b-%b-01" % (TRACE.upper(), SPAN), id="capitals"),
        pytest.param(b"00-%b-%b-1" % (TRACE, SPAN), id="short flags"),
        pytest.param(b"00-%b-%b-01, 00-%b-%b-01" % (TRACE, SPAN, TRACE, SPAN), id="two headers"),
    ],
)
def test_what_is_not_well_formed_is_no_trace_context(header: bytes | None) -> None:
    assert trace_context(header) is None


@given(st.binary(max_size=80) | st.text("0123456789abcdef-", max_size=80).map(str.encode))
def test_whatever_is_sent_only_hexadecimal_digits_are_taken(header: bytes) -> None:
    context = trace_context(header)
    if context is not None:
        assert re.fullmatch(rb"[0-9a-f]{32}", context.trace_id)
        assert re.fullmatch(rb"[0-9a-f]{16}", context.span_id)
