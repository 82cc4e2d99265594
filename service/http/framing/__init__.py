"""HTTP/1.1 from bytes: where heads and bodies begin and end, and what of them is rejected (RFC 9112)."""
