"""One phone of which features may be unknown."""

import numpy as np
import numpy.typing as npt

from pricerange.tables.json.phones import Body
from service.http.request_state import RequestState
from service.model.batcher import Batcher, PhoneAnswer, refused
from service.model.parse import partial_row_of
from service.model.unknown import require_averages
from service.model.write import IN_RANGE, applicability_json, probabilities_json


async def predict_averaged(
    batcher: Batcher, body: Body, state: RequestState
) -> tuple[PhoneAnswer, npt.NDArray[np.float32]]:
    """Answer one phone, given as a request sent it, and return it, float32 [1, 20] with NaN where unknown.

    Raises what `partial_row_of` and `Batcher.predict` raise, and `OutOfRangeError` where that is refused.
    """
    row = partial_row_of(body)
    choice = batcher.versions.live.of_request(row, state)
    require_averages(choice.served)
    if batcher.out_of_range == "refuse":
        region = choice.served.region
        for error in refused(region, batcher.judge(row, choice.served), row).values():
            raise error
    prediction, found, served = await batcher.predict(row, choice, unknown=True)
    state.answerer = served.seat
    batcher.log("predict", state, row, prediction, served, first=None)
    applicability = IN_RANGE if batcher.out_of_range == "flag" else b""
    if found is not None:
        (applicability,) = applicability_json(served.region, found, row)
    (probabilities,) = probabilities_json(prediction.probabilities)
    return (int(prediction.price_range[0]), probabilities, applicability, served), row
