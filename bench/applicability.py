"""How many phones are found unlike those learned from: `python -m bench.applicability [--data FILE]`.

The features that count are those that a network of the shipped recipe uses. Each kind of phones is judged by
the region of rows that do not hold them:

- out of fold: each row of the data by the region of the others (5 folds x 4): all of them are false alarms;
- modern: 200 phones as they were sold from 2024 to 2026, each feature drawn from what was usual then: 4 to
  16 GB of memory, 1080 to 1440 pixels, batteries of 4,000 to 6,000 mAh;
- random: 100 phones drawn evenly from within the physical limits of every feature;
- mixed: 200 phones inside every training range, each used feature at its 5th or 95th percentile, by chance.
"""

import argparse

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import RepeatedStratifiedKFold

from bench.show.tables import show
from pricerange.answer.applicability import Applicability, TrainingRegion
from pricerange.phone import FEATURE_NAMES, FEATURES
from training import data
from training.learn import learn
from training.quality.region import training_region
from training.recipe import recipe
from training.report.passport import feature_ranges
from training.split import three_ways

GOAL_FALSE_ALARMS = 0.015
_SEED = 2026

Rows = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    wanted = parser.parse_args()
    phones, choices = data.load([wanted.data]), recipe.read(recipe.DEFAULT)
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    model, _ = learn(phones, parts.training, parts.validation, choices, lambda _: None)
    used, draw = model.used_features(), np.random.default_rng(_SEED)
    print(f"features that the model uses: {', '.join(FEATURE_NAMES[place] for place in used)}")
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=choices.seed)
    held_out = [
        _region(phones.features[learned], used, choices.seed).of(phones.features[others])
        for learned, others in folds.split(phones.features, phones.price_range)
    ]
    region = _region(phones.features[parts.training], used, choices.seed)
    rows = [
        _row("out of fold", held_out),
        _row("modern", [region.of(modern(200, draw))]),
        _row("random", [region.of(within_limits(100, draw))]),
        _row("mixed", [region.of(mixed(phones.features[parts.training], used, 200, draw))]),
    ]
    show("share of phones that are flagged", ("phones", "n", "by range", "by distance", "by either"), rows)
    alarms = np.concatenate([~found.in_range for found in held_out]).mean()
    verdict = "met" if alarms <= GOAL_FALSE_ALARMS else "MISSED"
    print(f"\nfalse alarms: wanted at most {GOAL_FALSE_ALARMS:.2%}, found {alarms:.2%}: {verdict}")


def modern(count: int, draw: np.random.Generator) -> Rows:
    """Draw phones of 2024 to 2026, float32 [n, 20]."""
    whole = {
        "battery_power": (4_000, 6_000),
        "dual_sim": (0, 1),
        "mobile_wt": (165, 230),
        "sc_h": (14, 16),
        "sc_w": (6, 8),
        "talk_time": (15, 30),
    }
    one_of = {
        "fc": (8, 12, 13, 16, 32),
        "int_memory": (64, 128, 256, 512),
        "pc": (48, 50, 64, 108, 200),
        "px_height": (2_400, 2_412, 2_532, 3_120, 3_200),
        "px_width": (1_080, 1_080, 1_170, 1_440),
        "ram": (4_096, 6_144, 8_192, 12_288, 16_384),
        "clock_speed": (2.0, 2.4, 2.8, 3.0, 3.3),
        "m_dep": (0.7, 0.8, 0.9),
        "n_cores": (8,),
        **dict.fromkeys(("blue", "four_g", "three_g", "touch_screen", "wifi"), (1,)),
    }
    columns = [
        draw.integers(*whole[name], count, endpoint=True)
        if name in whole
        else draw.choice(one_of[name], count)
        for name in FEATURE_NAMES
    ]
    return np.column_stack(columns).astype(np.float32)


def within_limits(count: int, draw: np.random.Generator) -> Rows:
    """Draw phones from all that is taken for one, float32 [n, 20]."""
    columns = [
        draw.uniform(feature.low, feature.high, count)
        if feature.kind == "number"
        else draw.integers(int(feature.low), int(feature.high), count, endpoint=True)
        for feature in FEATURES
    ]
    return np.column_stack(columns).astype(np.float32)


def mixed(training_rows: Rows, used: npt.NDArray[np.intp], count: int, draw: np.random.Generator) -> Rows:
    """Take phones of the training rows and put each used feature to its 5th or 95th percentile, by chance."""
    rows = draw.choice(training_rows, count)
    ends = np.quantile(training_rows[:, used], [0.05, 0.95], axis=0)
    rows[:, used] = np.where(draw.random((count, len(used))) < 0.5, ends[0], ends[1])
    return rows


def _region(rows: Rows, used: npt.NDArray[np.intp], seed: int) -> TrainingRegion:
    return TrainingRegion(feature_ranges(rows), training_region(rows, used, seed))


def _row(name: str, found: list[Applicability]) -> tuple[str, ...]:
    by_range = np.concatenate([one.outside.any(axis=1) for one in found])
    by_distance = np.concatenate([one.far for one in found])
    shares = (by_range, by_distance, by_range | by_distance)
    return (name, f"{len(by_range):,}", *(f"{share.mean():.2%}" for share in shares))


if __name__ == "__main__":
    main()
