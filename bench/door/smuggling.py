"""What an attacker sends through a proxy so that a part of it is taken for a request of its own."""

from bench.load.client import message

MARK = "/smuggled"
"""The path that is asked for within bodies: no line of the access log may have it."""
_SECRET = f"GET {MARK} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
_UPGRADES = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: TLS/1.0, foo\r\n",
)
_CODINGS = (
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
    "Transfer-Encoding: \r\n chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
)


def attacks(key: str, phone: bytes) -> list[bytes]:
    """Write requests, with a key and without, in whose bodies others hide."""
    hidden = _SECRET + message("POST", "/predict", {"Authorization": f"Bearer {key}"}, phone)
    keys = (f"Authorization: Bearer {key}\r\n", "")
    sized = f"Content-Length: {len(hidden)}\r\n"
    coded = "Transfer-Encoding: chunked\r\n"
    chunks = b"%x\r\n%b\r\n" % (len(hidden), hidden)
    found = []
    for own in keys:
        for line in ("POST /predict", "GET /livez", "POST /nowhere", "HEAD /livez", "OPTIONS /predict/batch"):
            for upgrade in (*_UPGRADES, "Expect: 100-continue\r\n", ""):
                head = f"{line} HTTP/1.1\r\nHost: a\r\n{own}{upgrade}"
                found.append(_whole(head + sized, hidden))
                found.append(_whole(head + coded, chunks + b"0\r\n\r\n"))
                found.append(_whole(head + coded, chunks + b"0\r\nContent-Length: 0\r\nX-Hidden: 1\r\n\r\n"))
                found.append(_whole(head + coded, b'2;a="\r\n"\r\n{}\r\n' + chunks + b"0\r\n\r\n"))
        for coding in _CODINGS:
            found.append(_whole(f"POST /predict HTTP/1.1\r\nHost: a\r\n{own}{coding}{sized}", hidden))
        large = b" " * 1_200_000 + hidden
        size = f"Content-Length: {len(large)}\r\n"
        found.append(_whole(f"POST /predict HTTP/1.1\r\nHost: a\r\n{own}{size}", large))
        # of this the sender leaves before the end
        found.append(_whole(f"POST /predict HTTP/1.1\r\nHost: a\r\n{own}Content-Length: 900\r\n", hidden))
    return found


def _whole(head: str, body: bytes) -> bytes:
    return head.encode("latin-1") + b"\r\n" + body
