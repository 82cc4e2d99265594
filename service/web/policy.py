"""What a document may load, by its Content-Security-Policy (CSP Level 3): nothing of anybody else."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

OF_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""For documents whose scripts and styles are files of the service."""
_MOST_STYLES = 100
"""Styles of a document that are allowed: each takes 54 bytes of a header."""


def of_report(html: str) -> str:
    """Return the policy of a document without scripts, by the hashes of its own styles."""
    reader = _Styles()
    reader.feed(html)
    reader.close()
    hashes = " ".join(f"'sha256-{_digest(style)}'" for style in list(reader.found)[:_MOST_STYLES])
    styles = f"style-src 'unsafe-hashes' {hashes}; " if hashes else ""
    return (
        f"default-src 'none'; {styles}img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _digest(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode()


class _Styles(HTMLParser):
    """Collects the elements and attributes `style`, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of the attribute, and of the beginning of the element."""
        self.found.update((value, None) for name, value in attrs if name == "style" and value)
        if tag == "style":
            self._inside = ""

    def handle_data(self, data: str) -> None:
        """Take what stands in the element."""
        if self._inside is not None:
            self._inside += data

    def handle_endtag(self, tag: str) -> None:
        """Take note of the end of the element."""
        if tag == "style" and self._inside is not None:
            self.found[self._inside] = None
            self._inside = None
