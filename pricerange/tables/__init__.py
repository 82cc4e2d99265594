"""Tables of phones, in every form that the programs read, and which of their rows are phones."""
