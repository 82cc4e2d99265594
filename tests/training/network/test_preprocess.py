"""Preprocessing: statistics of the training rows, and the directions that an SVD keeps."""

import math

import numpy as np
import pytest
import torch

from training.network.preprocess import Preprocess
from training.recipe import sections

STANDARDISE = sections.Preprocess()


def test_standardise_gives_mean_0_and_deviation_1_and_only_centres_what_never_varies() -> None:
    rows = torch.randn(500, 20) * torch.logspace(-2, 4, 20) + 1_000
    rows[:, 7] = 42.0
    preprocess = Preprocess(rows, STANDARDISE)
    scaled = preprocess(rows)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(20), atol=1e-2, rtol=0)
    expected = torch.ones(20)
    expected[7] = 0
    torch.testing.assert_close(scaled.std(dim=0, correction=0), expected, atol=1e-3, rtol=0)
    assert preprocess.condition_number == math.inf


def test_features_pass_as_they_are_where_nothing_is_wanted() -> None:
    rows = torch.randn(50, 20)
    torch.testing.assert_close(Preprocess(rows, sections.Preprocess(standardise=False))(rows), rows)


def test_truncated_svd_keeps_the_directions_of_most_variance_and_lowers_the_condition_number() -> None:
    rows = torch.randn(200, 20)
    rows[:, 19] = rows[:, 18] + 1e-3 * torch.randn(200)
    preprocess = Preprocess(rows, sections.Preprocess(svd=5))
    exact = rows.double().numpy()
    standard = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    singular = np.linalg.svd(standard, compute_uv=False)
    reduced = preprocess(rows)
    assert reduced.shape == (200, preprocess.outputs) == (200, 5)
    np.testing.assert_allclose(np.linalg.norm(reduced.numpy(), axis=0), singular[:5], rtol=1e-4)
    assert preprocess.condition_number == pytest.approx(singular[0] / singular[-1], rel=1e-6)
    assert preprocess.condition_number > 1_000
    assert preprocess.condition_number_left == pytest.approx(singular[0] / singular[4], rel=1e-6)
