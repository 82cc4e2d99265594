"""What a document may load, by its Content-Security-Policy (CSP Level 3): nothing of anybody else."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape

OF_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""For documents whose scripts and styles are files of the service."""
_MOST_STYLES = 100
"""Styles of a document that are allowed: each takes 54 bytes of a header."""
_ATTRIBUTE = re.compile(r"""\sstyle=(?:"([^"]+)"|'([^']+)')""")


def of_report(html: str) -> str:
    """Return the policy of a document without scripts, by the hashes of its own styles."""
    styles = dict.fromkeys((*_elements(html), *_attributes(html)))
    hashes = " ".join(f"'sha256-{_digest(style)}'" for style in list(styles)[:_MOST_STYLES])
    allowed = f"style-src 'unsafe-hashes' {hashes}; " if hashes else ""
    return (
        f"default-src 'none'; {allowed}img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _digest(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode()


# Both read a document once, whatever is in it, which a parser of HTML does not. What is no style, or one that
# is overlooked, does no harm: the hash is of nothing, or the style is not applied.


def _elements(html: str) -> Iterator[str]:
    """Yield what stands in elements `style`."""
    at = 0
    while (begins := html.find("<style", at)) >= 0:
        content = html.find(">", begins) + 1
        at = html.find("</style", content)
        if not content or at < 0:
            return
        yield html[content:at]


def _attributes(html: str) -> Iterator[str]:
    """Yield the values of attributes `style`."""
    for found in _ATTRIBUTE.finditer(html):
        yield unescape(found[1] or found[2])
