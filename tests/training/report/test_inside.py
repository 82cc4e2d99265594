"""What a card says of a network's inside."""

from training.quality.usage import Branch, Usage
from training.report.inside import inside


def test_weights_branch_and_what_is_not_linear_are_told() -> None:
    skip, first, branch, shape = inside(
        Usage(0.0123, {"wifi": 0.25, "ram": 1.0}, {"fc": 1.0}, Branch(0.25, 1_200, 1_600))
    )
    assert skip == "Weights of the linear skip, over the largest: `ram` 1, `wifi` 0.25."
    assert first == "Weights of the first hidden layer, as norms over the largest: `fc` 1."
    assert branch.startswith("The hidden branch has 25 % of the variance that it and the linear skip add")
    assert branch.endswith("replaced by its mean it changes 1,200 of 1,600 answers.")
    assert "1.2 % is not linear" in shape


def test_weights_of_a_branch_that_does_nothing_are_left_out() -> None:
    sentences = list(inside(Usage(1e-15, {"ram": 1.0}, {"fc": 1.0}, Branch(1e-7, 0, 1_600))))
    assert len(sentences) == 3
    assert "`fc`" not in " ".join(sentences)
    assert "has less than 0.001 % of the variance that it" in sentences[1]


def test_of_a_sequence_only_its_shape_is_told() -> None:
    (shape,) = inside(Usage(0.5, {}, {}, None))
    assert shape.endswith(", 50 % is not linear in the features.")
