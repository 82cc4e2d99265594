"""The proxies that are trusted, and whom they name as the client, for the access log and traces alone."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from service.http.request_state import RequestState

EVERYBODY = "*"
_MOST_HOPS = 32
"""Addresses of the header that are looked at, from the nearest on."""

_Address = IPv4Address | IPv6Address


class Proxies:
    """The addresses and networks that a list names, separated by commas; `*` is all. Raises `ValueError`."""

    def __init__(self, allowed: str) -> None:
        named = [part.strip() for part in allowed.split(",")]
        self._all = named == [EVERYBODY]
        self._networks = [] if self._all else [ip_network(part) for part in named]

    def client(self, peer: str | None, forwarded_for: bytes | None) -> str | None:
        """Return the address nearest to us that is not a trusted proxy's, of the peer and X-Forwarded-For.

        Where all are trusted it is the farthest. What stands behind a word that is no address was not written
        by a trusted proxy, and counts for nothing.
        """
        if forwarded_for is None or not self.trust(peer):
            return peer
        found = peer
        for hop in reversed(forwarded_for.decode("latin-1").rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                break
            found = str(address)
            if not self._names(address):
                break
        return found

    def name_client(self, state: RequestState) -> None:
        """Note the client of a request that is answered."""
        state.client = self.client(state.client, state.head.by_name.get(b"x-forwarded-for"))

    def trust(self, peer: str | None) -> bool:
        """Return whether an address that connects is one of them."""
        address = _address(peer or "")
        return self._all if address is None else self._names(address)

    def _names(self, address: _Address) -> bool:
        return self._all or any(address in network for network in self._networks)


def _address(text: str) -> _Address | None:
    """Read an address, with or without a port; one with a zone, which may be any text, is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 client on a socket of IPv6
    return mapped or address
