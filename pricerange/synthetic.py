"""Phones by a known rule, for a machine without the real data."""

import io

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES

ROWS = 2_000
"""How many phones are generated where no number is given."""
THRESHOLDS = (2_340.0, 3_270.0, 4_220.0)
"""The price range is the number of thresholds that a phone's score, with its noise, is above."""
NOISE = 25.0
"""Standard deviation of the noise: about 98 of 100 phones have the price range of their score."""

_SEED = 20_350


def phones(rows: int, block: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Generate phones, always the same for a number of rows: float64 [n, 20] and price ranges int64 [n].

    Those of one `block` are independent of those of another: a long table is made block by block.

    Each feature spreads as in the public data "Mobile Price Classification": the cameras, the sides of the
    screen and of the picture, and 3G and 4G go together, the rest is independent.
    """
    draw = np.random.default_rng([_SEED, block])

    def whole(low: int, high: int) -> npt.NDArray[np.float64]:
        return draw.integers(low, high, rows, endpoint=True).astype(np.float64)

    def yes(probability: float) -> npt.NDArray[np.float64]:
        return (draw.random(rows) < probability).astype(np.float64)

    primary_camera, picture_width, screen_height, three_g = (
        whole(0, 20),
        whole(500, 2_000),
        whole(5, 19),
        yes(0.76),
    )
    values = {
        "battery_power": whole(500, 2_000),
        "blue": yes(0.5),
        "clock_speed": np.maximum(0.5, whole(0, 30) / 10),
        "dual_sim": yes(0.5),
        "fc": np.floor(primary_camera * draw.random(rows) ** 1.3),
        "four_g": three_g * yes(0.68),
        "int_memory": whole(2, 64),
        "m_dep": whole(1, 10) / 10,
        "mobile_wt": whole(80, 200),
        "n_cores": whole(1, 8),
        "pc": primary_camera,
        "px_height": np.floor(picture_width * draw.random(rows)),
        "px_width": picture_width,
        "ram": whole(256, 4_000),
        "sc_h": screen_height,
        "sc_w": np.floor(screen_height * draw.random(rows)),
        "talk_time": whole(2, 20),
        "three_g": three_g,
        "touch_screen": yes(0.5),
        "wifi": yes(0.5),
    }
    features = np.stack([values[name] for name in FEATURE_NAMES], axis=1)
    noisy = score(features) + draw.normal(0, NOISE, rows)
    return features, np.searchsorted(THRESHOLDS, noisy).astype(np.int64)


def score(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what decides the price of phones float64 [n, 20]: memory, battery and pixels, as float64 [n]."""
    ram, battery, height, width = (
        features[:, FEATURE_NAMES.index(name)] for name in ("ram", "battery_power", "px_height", "px_width")
    )
    return ram + battery / 1.5 + height * width / 2_700


def as_csv(features: npt.NDArray[np.float64], price_range: npt.NDArray[np.int64]) -> str:
    """Write phones as the CSV that `pricerange train` reads."""
    text = io.StringIO()
    header = ",".join([*FEATURE_NAMES, "price_range"])
    np.savetxt(text, np.column_stack([features, price_range]), "%g", ",", header=header, comments="")
    return text.getvalue()
