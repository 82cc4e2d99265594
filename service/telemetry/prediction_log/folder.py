"""The prediction log in a folder, as the settings want it."""

import os
from pathlib import Path

from pricerange.errors import SettingsError
from pricerange.prediction_log.pseudonyms import Pseudonyms
from service.settings import Settings
from service.telemetry.prediction_log.counts import Counts
from service.telemetry.prediction_log.encode import Encoder
from service.telemetry.prediction_log.log import PredictionLog
from service.telemetry.prediction_log.page import Page
from service.telemetry.prediction_log.parts import Parts
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.shared_counters import SharedCounters


def require(folder: Path) -> None:
    """Make the folder where it is not there, and see that it can be written to. Raises `SettingsError`.

    That is for the start alone: a folder that is gone later ends no service.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"{folder}: {error.strerror}"
        raise SettingsError("--prediction-log", "a folder that can be made or is there", found) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise SettingsError("--prediction-log", "a folder that this process may write to", str(folder))


def begun(settings: Settings, counters: SharedCounters) -> PredictionLog | None:
    """Return the log of what is answered, which is to be closed; None where the settings want none.

    Raises `SettingsError` for a file that holds no key.
    """
    if settings.prediction_log is None:
        return None
    pseudonyms = None
    if settings.prediction_log_key_file is not None:
        pseudonyms = Pseudonyms.read(settings.prediction_log_key_file, "--prediction-log-key-file")
    encoder = Encoder(settings.columns_left_out, settings.columns_hashed, pseudonyms)
    parts = Parts(settings.prediction_log, settings.prediction_log_max_bytes, settings.prediction_log_max_age)
    return PredictionLog(
        Sampler(settings.prediction_log_sample),
        _Store(encoder, parts).store,
        Counts(counters),
        settings.prediction_log_seconds,
    )


class _Store:
    """Makes parts of pages."""

    def __init__(self, encoder: Encoder, parts: Parts) -> None:
        self._encoder = encoder
        self._parts = parts

    def store(self, page: Page) -> None:
        """Write a part, if there are rows, and see that what is too old leaves. Raises `OSError`."""
        self._parts.tidy()
        if page.count:
            self._parts.add(self._encoder.encoded(page))
        else:
            self._parts.remove_old()
