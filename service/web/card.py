"""The model card as a page: its Markdown as HTML, in one file with its pictures."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping

from markdown_it import MarkdownIt
from markdown_it.token import Token

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; font: 1rem/1.6 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #8888; padding: .3rem .8rem; }
img { max-width: 100%; background: #fff; }
code { font-size: .9em; overflow-wrap: anywhere; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Model card</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""
_PICTURE = re.compile(r"[\w-]+\.svg")


def page(markdown: str, links: Mapping[str, str], picture: Callable[[str], bytes]) -> str:
    """Make the page: `links` says where the files are that the card names, `picture` reads one to go into it.

    Each goes into it once; of one that is empty, and where it is named again, the words for it stand there.
    HTML in the card is shown as text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    shown = set()
    for token in _all(tokens):
        if token.type == "image":
            name = str(token.attrs["src"])
            content = picture(name) if _PICTURE.fullmatch(name) and name not in shown else b""
            token.attrs["src"] = f"data:image/svg+xml;base64,{b64encode(content).decode()}" if content else ""
            shown.add(name)
        elif token.type == "link_open":
            target = str(token.attrs["href"])
            token.attrs["href"] = links.get(target, target)
    body: str = parser.renderer.render(tokens, parser.options, {})
    return _PAGE.format(style=_STYLE, body=body)


def _all(tokens: list[Token]) -> list[Token]:
    return [found for token in tokens for found in (token, *_all(token.children or []))]
