"""Accuracy of a recipe beside logistic regression, on the same stratified folds.

python bench/folds.py --data phones.csv [--recipe RECIPE] [--folds 5] [--repeats 4] [--seed 0]
"""

import argparse
import time
from pathlib import Path

import numpy as np

from training import data, recipe
from training.folds import Score, logistic_regression_on, recipe_on, score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--recipe", type=Path, default=recipe.DEFAULT)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    phones = data.load(wanted.data)
    models = {
        wanted.recipe.stem: recipe_on(phones, recipe.read(wanted.recipe)),
        "logistic regression": logistic_regression_on(phones),
    }
    print(f"{len(phones.features)} phones, {wanted.folds} folds x {wanted.repeats}, seed {wanted.seed}")
    print(f"{'':24}{'accuracy':>9}{'s.e.':>8}{'s a fit':>9}")
    scores = []
    for name, predict in models.items():
        start = time.perf_counter()
        scores.append(score(phones, predict, wanted.folds, wanted.repeats, wanted.seed))
        seconds = (time.perf_counter() - start) / len(scores[-1].accuracies)
        print(f"{name:24}{scores[-1].mean:9.4f}{scores[-1].standard_error:8.4f}{seconds:9.2f}", flush=True)
    difference = Score(np.subtract(scores[0].accuracies, scores[1].accuracies).tolist())
    print(f"{'difference, paired':24}{difference.mean:+9.4f}{difference.standard_error:8.4f}")


if __name__ == "__main__":
    main()
