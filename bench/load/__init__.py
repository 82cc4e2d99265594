"""Load: phones to ask about, the forms to ask in, clients that count, and a server to measure."""
