"""Each error of the service says how it is answered."""

from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from service.errors import ServiceError


def every(cls: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for error in cls.__subclasses__():
        yield error
        yield from every(error)


@pytest.mark.parametrize("error", list(every(ServiceError)), ids=lambda error: error.__name__)
def test_an_error_has_a_status_a_kind_and_a_title_of_its_own(error: type[ServiceError]) -> None:
    assert isinstance(error.__dict__["status"], HTTPStatus)
    assert error.__dict__["kind"] == error.__dict__["kind"].lower().replace(" ", "-")
    assert error.__dict__["title"]


def test_kinds_of_problems_are_named_once() -> None:
    kinds = list(ServiceError.kinds())
    assert len(kinds) == len(list(every(ServiceError)))
    assert max(Counter(kinds).values()) == 1


@pytest.mark.parametrize("error", list(every(ServiceError)), ids=lambda error: error.__name__)
def test_a_503_says_when_to_come_again_and_a_401_what_to_bring(error: type[ServiceError]) -> None:
    names = {name for name, _ in error.headers}
    assert ("Retry-After" in names) == (error.status == HTTPStatus.SERVICE_UNAVAILABLE)
    assert ("WWW-Authenticate" in names) == (error.status == HTTPStatus.UNAUTHORIZED)
