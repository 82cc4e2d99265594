"""Which versions serve, as a file wants it: one controller decides, and every worker follows."""
