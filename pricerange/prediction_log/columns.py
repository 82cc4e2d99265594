"""The columns of the prediction log: which request a row was of, then what `score` writes of a phone."""

from pricerange.answer import columns
from pricerange.phone import FEATURE_NAMES

REQUEST_ID = "request_id"
ROW = "row"
"""A phone's number among those of its request, from 1; null where the request was about one phone."""
TIME = "time"
"""When it was answered: microseconds, UTC."""
VERSION = "version"
DOOR = "door"
"""Which route was asked: one of `DOORS`."""
DOORS = ("predict", "batch", "v1", "v2", "grpc")

OF_REQUEST: tuple[str, ...] = (REQUEST_ID, ROW, TIME, VERSION, DOOR)
NAMES: tuple[str, ...] = (*OF_REQUEST, *FEATURE_NAMES, *columns.NAMES, *columns.APPLICABILITY)
