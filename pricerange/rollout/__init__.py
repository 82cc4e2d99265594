"""Which versions serve, whom each answers, and what becomes of a new one: the file, and how it is judged."""
