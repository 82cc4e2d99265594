"""Where torch computes."""

import pytest
import torch

from training.data import LabelledPhones
from training.errors import DeviceError
from training.fit.device import find_device, reproducible
from training.learn import learn
from training.recipe.recipe import Recipe
from training.split import three_ways

WITH_CUDA = torch.cuda.is_available()


@pytest.mark.skipif(WITH_CUDA, reason="a GPU is there")
def test_refuses_cuda_where_there_is_none_and_says_what_is_missing(
    phones: LabelledPhones, quick: Recipe
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    with pytest.raises(DeviceError, match=r"'cuda': torch .*(without CUDA|cannot find an NVIDIA GPU)"):
        learn(phones, parts.training, parts.validation, quick, lambda _: None, "cuda")


def test_refuses_a_device_of_another_name() -> None:
    with pytest.raises(DeviceError, match="supported devices are cpu and cuda"):
        find_device("gpu")


@pytest.mark.skipif(not WITH_CUDA, reason="no GPU")
def test_learns_on_a_gpu_the_same_each_time_and_comes_back_to_the_cpu(
    phones: LabelledPhones, quick: Recipe
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    first, second = (
        learn(phones, parts.training, parts.validation, quick, lambda _: None, "cuda")[0] for _ in range(2)
    )
    for name, tensor in first.state_dict().items():
        assert tensor.device.type == "cpu"
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_the_same_seed_draws_the_same_numbers() -> None:
    drawn = []
    for seed in (1, 1, 2):
        with reproducible(seed):
            drawn.append(torch.rand(5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
