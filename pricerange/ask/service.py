"""A service, asked by its client, of which nothing is loaded before."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pricerange.ask.asked import Asked, Rows
from pricerange.ask.show import Document
from pricerange.errors import ServiceCallError, ServiceSettingError, SettingsError
from pricerange.extras import extra
from pricerange.phone import FEATURE_NAMES

if TYPE_CHECKING:
    from pricerange_client import Client
    from pricerange_client.call import BatchOptions, Call

T = TypeVar("T")


class Service:
    """Asks a service what a person asks for, and hands on what it says."""

    def __init__(self, client: "Client", asked: Asked) -> None:
        self._client = client
        self._options: BatchOptions = {"explain": asked.explain, "unknown": asked.unknown}
        if asked.sets is not None:
            self._options["sets"] = asked.sets

    def one(self, phone: Rows) -> Document:
        """Answer one phone. Raises `ServiceCallError`."""
        from pricerange_client import call

        return self._send(call.predict(_phone(phone[0]), self._options), json.loads)

    def many(self, phones: Rows) -> Sequence[Document]:
        """Answer n phones. Raises `ServiceCallError`."""
        from pricerange_client import batch

        asked = batch.of_phones([*map(_phone, phones)], self._options)
        return self._send(asked, batch.rows_of)

    def _send(self, asked: "Call[Any]", read: Callable[[bytes], T]) -> T:
        from pricerange_client import ClientError

        try:
            answer: T = self._client.send(replace(asked, read=read))
        except ClientError as error:
            raise ServiceCallError(str(error)) from error
        return answer


@contextmanager
def asking(
    url: str, api_key: str | None, ca_file: str | None, timeout: float, asked: Asked
) -> Iterator[Service]:
    """Lend what asks the service at a URL.

    Raises `MissingExtraError`, `SettingsError` or `ServiceSettingError`.
    """
    with extra("client"):
        from pricerange_client import Client
    try:
        client = Client(url, api_key=api_key, timeout=timeout, verify=ca_file or True)
    except OSError as error:
        raise SettingsError("--ca-file", f"a file of certificates (PEM): {error}", ca_file) from None
    except ValueError as error:
        raise ServiceSettingError(str(error)) from None
    with client:
        yield Service(client, asked)


def _phone(row: Rows) -> dict[str, float | None]:
    """Return a phone as it is sent: what reads back as the same float32."""
    values = (None if np.isnan(value) else float(str(value)) for value in row)
    return dict(zip(FEATURE_NAMES, values, strict=True))
