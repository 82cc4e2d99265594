"""Where training rows lie: hardly any row like them is taken for another, all of another kind are."""

import numpy as np

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from training.quality.region import FALSE_ALARMS, training_region

ALL = np.arange(20)


def test_held_out_rows_are_false_alarms_as_often_as_allowed() -> None:
    rows = synthetic.phones(1_200)[0].astype(np.float32)
    region = training_region(rows, ALL, seed=1)
    alarms = region.false_alarms
    assert abs(alarms["together"] - FALSE_ALARMS) < 0.002
    assert alarms["range"] <= alarms["together"] <= alarms["range"] + alarms["distance"]
    later = synthetic.phones(20_000, block=7)[0].astype(np.float32)
    white = (later - region.mean) @ np.array(region.whitening)
    low, high = rows.min(axis=0), rows.max(axis=0)
    flagged = (np.linalg.norm(white, axis=1) > region.limit) | ((later < low) | (later > high)).any(axis=1)
    assert flagged.mean() < 0.015


def test_the_whitened_rows_have_the_identity_as_their_covariance() -> None:
    rows = synthetic.phones(500)[0].astype(np.float32)
    used = np.array([0, 11, 12, 13])
    region = training_region(rows, used, seed=1)
    assert region.features == [FEATURE_NAMES[place] for place in used]
    white = (rows[:, used].astype(np.float64) - region.mean) @ np.array(region.whitening)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(4), atol=1e-9)


def test_features_that_never_vary_or_repeat_each_other_leave_distances_finite() -> None:
    rows = synthetic.phones(200)[0].astype(np.float32)
    rows[:, 1] = 1
    rows[:, 15] = rows[:, 14]
    region = training_region(rows, ALL, seed=1)
    assert np.isfinite(region.whitening).all()
    assert np.isfinite(region.limit)
    white = (rows - region.mean) @ np.array(region.whitening)
    assert np.isfinite(white).all()
