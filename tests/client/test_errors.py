"""Errors as classes: by status and kind, with rows named by their place in all that was asked about."""

import json
import pickle

import pytest

from pricerange_client import errors
from pricerange_client.errors import ServiceError, UnexpectedAnswerError
from service.errors import ServiceError as Served

URL = "http://phones/predict"
EXPECTED = {
    "invalid-input": errors.InvalidInputError,
    "out-of-range": errors.OutOfRangeError,
    "missing-key": errors.AuthenticationError,
    "forbidden": errors.ForbiddenError,
    "unknown-model": errors.NotFoundError,
    "rollout": errors.ConflictError,
    "too-many-rows": errors.TooLargeError,
    "rate-limited": errors.RateLimitedError,
    "overloaded": errors.UnavailableError,
    "deadline": errors.ServiceDeadlineError,
    "media-type": ServiceError,
}


def body(kind: str, **more: object) -> bytes:
    told = {"type": f"urn:pricerange:problem:{kind}", "title": "T", "detail": "d", "errors": [], **more}
    return json.dumps(told).encode()


def _statuses() -> dict[str, int]:
    def all_of(error: type[Served]) -> list[type[Served]]:
        return [one for kind in error.__subclasses__() for one in (kind, *all_of(kind))]

    return {error.kind: error.status for error in all_of(Served)}


@pytest.mark.parametrize("kind", EXPECTED)
def test_each_kind_of_problem_has_its_class(kind: str) -> None:
    error = errors.of_answer(URL, _statuses()[kind], {}, body(kind))
    assert type(error) is EXPECTED[kind]
    assert error.kind == kind


def test_the_fields_are_the_answers() -> None:
    problem = {"detail": "row 3: x", "pointer": "/2/ram"}
    content = body("overloaded", errors=[problem], request_id="r", trace_id="t")
    error = errors.of_answer(URL, 503, {"retry-after": "7"}, content)
    assert isinstance(error, errors.UnavailableError)
    assert (error.retry_after, error.request_id, error.trace_id) == (7.0, "r", "t")
    assert error.errors == (errors.Problem("row 3: x", "/2/ram"),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b'{"type":"x"}',
        b'{"type":1,"title":2,"detail":3,"errors":[{}]}',
    ],
)
def test_other_bodies_are_unexpected(content: bytes) -> None:
    error = errors.of_answer(URL, 502, {}, content)
    assert isinstance(error, UnexpectedAnswerError)
    assert (error.url, error.status) == (URL, 502)


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2026 07:28:00 GMT", "", "-1", "1.5", "x"])
def test_only_seconds_are_read_of_retry_after(text: str) -> None:
    assert errors.seconds(text) is None


def test_a_redirect_says_where_to() -> None:
    error = errors.of_answer(URL, 301, {"location": "https://phones/predict"}, b"")
    assert str(error).endswith("got 301 a redirect to https://phones/predict")


def test_errors_get_through_pickle_and_into_sets() -> None:
    problem = {"detail": "row 3: x", "pointer": "/2/ram"}
    told = [
        *(errors.of_answer(URL, _statuses()[kind], {}, body(kind, errors=[problem])) for kind in EXPECTED),
        errors.of_answer(URL, 502, {}, b"<html>"),
        errors.ConnectionFailedError(URL, "refused", 2),
        errors.TimedOutError(URL, 1.0),
        errors.TlsError(URL, "expired"),
    ]
    for error in told:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert len(set(told)) == len(told)


def test_rows_are_counted_on() -> None:
    error = errors.of_answer(
        URL, 422, {}, body("invalid-input", errors=[{"detail": "line 3: x", "pointer": "/2/ram"}])
    )
    assert isinstance(error, errors.InvalidInputError)
    error.detail = "row 3: x; row 4"
    errors.count_from(error, 100)
    assert error.detail == "row 103: x; row 4"
    assert error.errors == (errors.Problem("line 103: x", "/102/ram"),)
    named = errors.of_answer(
        URL, 422, {}, body("invalid-input", errors=[{"detail": "ram is missing", "pointer": "/ram"}])
    )
    assert isinstance(named, errors.InvalidInputError)
    errors.count_from(named, 0)
    assert named.errors == (errors.Problem("ram is missing", "/ram"),)
