"""Which rows a step learns from."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.fit.batches import batches_of, iterations
from training.recipe.sections import Loop

CPU = torch.device("cpu")


@given(
    rows=st.integers(1, 300),
    size=st.one_of(st.just("full"), st.integers(1, 400)),
    shuffle=st.booleans(),
)
def test_every_row_is_in_one_batch_and_batches_are_of_nearly_one_length(
    rows: int, size: int | str, shuffle: bool
) -> None:
    loop = Loop.model_validate({"epochs": 1, "batch_size": size, "shuffle": shuffle})
    batches = batches_of(rows, loop, CPU)
    assert len(batches) == iterations(rows, loop.batch_size)
    together = torch.cat(batches)
    assert torch.equal(together.sort().values, torch.arange(rows))
    assert shuffle or torch.equal(together, torch.arange(rows))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) - min(lengths) <= 1
    assert size == "full" or max(lengths) <= int(size)
