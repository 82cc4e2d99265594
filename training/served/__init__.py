"""How good the answers were that a service gave: its prediction log, and labels that came later."""
