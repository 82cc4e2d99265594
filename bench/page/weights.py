"""The files of the page, as they are and as they are sent."""

import re

import httpx

from bench.show.tables import Target, show

_MOST_KB = 100


def weights(url: str) -> list[Target]:
    """Print what each file weighs, and as it is sent."""
    with httpx.Client(base_url=url) as client:
        page = client.get("").raise_for_status()
        names = dict.fromkeys(["", *re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)])
        found = [_weigh(client, name) for name in names]
        told = [_weigh(client, name) for name in ("openapi.json", "model")]
    plain, sent = sum(each[1] for each in found), sum(each[2] for each in found)
    rows = [(name or "index.html", f"{raw:,}", f"{packed:,}") for name, raw, packed in found]
    rows.append(("all files of the page", f"{plain:,}", f"{sent:,}"))
    rows += [(f"{name}, which it asks for", f"{raw:,}", f"{packed:,}") for name, raw, packed in told]
    show("Weights.", ("file", "bytes", "bytes sent"), rows)
    return [Target("the page, compressed", sent / 1000, most=_MOST_KB, unit=" KB")]


def _weigh(client: httpx.Client, name: str) -> tuple[str, int, int]:
    with client.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as answer:
        answer.raise_for_status()
        packed = b"".join(answer.iter_raw())
    plain = client.get(name, headers={"Accept-Encoding": "identity"}).content
    return name, len(plain), len(packed)
