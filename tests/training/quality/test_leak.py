"""Features that tell the label by themselves: found where they do, and nowhere else."""

import numpy as np
import numpy.typing as npt
import pytest

from pricerange.phone import FEATURE_NAMES
from training.data import LabelledPhones
from training.quality.leak import Leak, leaks

RAM, CORES = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("n_cores")
Labels = npt.NDArray[np.int64]


def found(features: npt.NDArray[np.float32], truth: Labels, answered: Labels) -> list[Leak]:
    return leaks(features, truth, np.eye(4, dtype=np.float32)[answered], folds=3, seed=1)


def nearly(price_range: Labels) -> Labels:
    """Answer as a good network: one phone in twenty gets the price range beside its own."""
    answered = price_range.copy()
    answered[::20] = np.where(answered[::20] > 1, answered[::20] - 1, answered[::20] + 1)
    return answered


@pytest.mark.parametrize(
    "code", [pytest.param([1, 2, 3, 4], id="copied"), pytest.param([3, 1, 4, 2], id="recoded")]
)
def test_a_label_under_the_name_of_a_feature_is_found(phones: LabelledPhones, code: list[int]) -> None:
    features = phones.features.copy()
    features[:, CORES] = np.array(code)[phones.price_range]
    (leak,) = found(features, phones.price_range, nearly(phones.price_range))
    assert (leak.feature, leak.alone, leak.network, leak.rows) == ("n_cores", 1.0, 0.95, 400)
    assert "`n_cores` alone may give the answer away: of 400 phones" in leak.sentence
    assert "100.0 %, and the network with all features of 95.0 %" in leak.sentence


def test_a_feature_that_says_much_is_no_leak_where_the_others_add_to_it(phones: LabelledPhones) -> None:
    assert found(phones.features, phones.price_range, nearly(phones.price_range)) == []


def test_of_a_network_that_has_learned_nothing_no_feature_is_suspected(phones: LabelledPhones) -> None:
    draw = np.random.default_rng(3)
    shuffled = draw.permutation(phones.price_range)
    assert found(phones.features, shuffled, draw.permutation(shuffled)) == []


def test_one_feature_that_decides_is_found_where_the_network_does_no_better(phones: LabelledPhones) -> None:
    ram = phones.features[:, RAM]
    by_ram = np.searchsorted(np.quantile(ram, [0.25, 0.5, 0.75]), ram)
    assert [leak.feature for leak in found(phones.features, by_ram, nearly(by_ram))] == ["ram"]


@pytest.mark.filterwarnings("error")
def test_a_price_range_of_fewer_phones_than_folds_is_nothing_to_warn_of(phones: LabelledPhones) -> None:
    rare = np.where(phones.price_range == 3, 2, phones.price_range)
    rare[np.flatnonzero(phones.price_range == 3)[:2]] = 3
    assert found(phones.features, rare, nearly(rare)) == []
