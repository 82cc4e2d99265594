"""What is done to the features before the network, with statistics of the training rows."""

import torch
from torch import Tensor, nn

from training.recipe import sections


class Preprocess(nn.Module):
    """(features - mean) / deviation, then, if wanted, only the directions in which the rows vary most.

    A truncated SVD helps columns that are nearly combinations of one another: their condition number, the
    largest singular value over the smallest, says by how much they magnify a small error (Golub and Van Loan,
    "Matrix Computations", 2.6).
    """

    mean: Tensor
    deviation: Tensor
    directions: Tensor | None

    def __init__(self, training_rows: Tensor, choices: sections.Preprocess) -> None:
        """Take the statistics of float32 [n, 20]; a feature that never varies is only centred."""
        super().__init__()
        exact = training_rows.double()
        mean, deviation = exact.mean(dim=0), exact.std(dim=0, correction=0)
        if not choices.standardise:
            mean, deviation = torch.zeros_like(mean), torch.ones_like(deviation)
        deviation = torch.where(deviation > 0, deviation, 1.0)
        _, singular, directions = torch.linalg.svd((exact - mean) / deviation, full_matrices=False)
        # what is left of a 0 after rounding, as LAPACK users reckon it
        singular[singular <= singular[0] * max(exact.shape) * torch.finfo(exact.dtype).eps] = 0
        kept = singular[: choices.svd]
        self.condition_number = (singular[0] / singular[-1]).item()
        """Of the columns before the SVD; infinite where one of them is a combination of others."""
        self.condition_number_left = (kept[0] / kept[-1]).item()
        """Of what goes into the network."""
        self.outputs = choices.svd or training_rows.shape[1]
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviation", deviation.float())
        reduced = None if choices.svd is None else directions[: choices.svd].T.float().contiguous()
        self.register_buffer("directions", reduced)

    def forward(self, features: Tensor) -> Tensor:
        """Features float32 [n, 20] -> float32 [n, outputs]."""
        standard = (features - self.mean) / self.deviation
        return standard if self.directions is None else standard @ self.directions
