"""What a client accepts, by a header that lists it with weights (RFC 9110, 12.4.2)."""


def weights(header: str) -> dict[str, float]:
    """Return what a header names, in its order, with weights: 1 where none is told, 0 for no."""
    found = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        found[name] = next((_number(value[2:]) for value in parameters if value.startswith("q=")), 1.0)
    return found


def _number(weight: str) -> float:
    try:
        number = float(weight)
    except ValueError:
        return 0.0
    return number if 0 <= number <= 1 else 0.0
