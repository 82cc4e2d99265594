"""HTTP on a connection: framing, limits, time, keys, and how a request that is refused is answered."""
