"""HTTP/1.1 from bytes: where heads and bodies begin and end (RFC 9112), and what compressed ones hold."""
