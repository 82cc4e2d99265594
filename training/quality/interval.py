"""Intervals of measures: exact ones of shares of phones, and how any is written."""

from scipy.stats import beta

LEVEL = 0.95

Interval = tuple[float, float]


def exact(share: float, rows: int) -> Interval:
    """Return the 95 % interval of a share of n rows.

    From the binomial distribution (Clopper & Pearson, "The Use of Confidence or Fiducial Limits Illustrated
    in the Case of the Binomial", 1934): it holds what it promises for any number of rows and any share, where
    a bootstrap of rows that are all right is one point.
    """
    inside, tail = round(share * rows), (1 - LEVEL) / 2
    low = beta.ppf(tail, inside, rows - inside + 1) if inside else 0.0
    high = beta.ppf(1 - tail, inside + 1, rows - inside) if inside < rows else 1.0
    return float(low), float(high)


def text(interval: Interval | None) -> str:
    """Write its ends; nothing where there is none."""
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def percent(interval: Interval | None) -> str:
    """Write the ends of a share's; nothing where there is none."""
    return "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"
