"""A page of rows as the bytes of a Parquet file: which columns it has, and which of them are hashed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.answer import columns as answer_columns
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.columns import PROBABILITIES, Worth
from pricerange.bundle import Bundle
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.columns import DOORS, NAMES, OF_REQUEST
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.predictor import Prediction
from service.telemetry.prediction_log.page import Page

if TYPE_CHECKING:
    import pyarrow as pa


class Encoder:
    """Encodes pages; imports Arrow once it is made, which takes a tenth of a second."""

    def __init__(
        self,
        left_out: Sequence[str] = (),
        hashed: Sequence[str] = (),
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        """Leave out some columns, and hash some others where there are `pseudonyms`."""
        import pyarrow.parquet  # noqa: F401

        self._names = [name for name in NAMES if name not in left_out]
        self._hashed = [name for name in hashed if name in self._names]
        self._pseudonyms = pseudonyms

    def encoded(self, page: Page) -> memoryview:
        """Return a Parquet file with the rows of a page."""
        import pyarrow as pa
        from pyarrow import parquet

        file = pa.BufferOutputStream()
        # probabilities hardly repeat: a dictionary of them costs time and saves nothing
        repetitive = [name for name in self._names if name not in PROBABILITIES]
        parquet.write_table(self.table(page), file, compression="zstd", use_dictionary=repetitive)
        return memoryview(file.getvalue())

    def table(self, page: Page) -> "pa.Table":
        """Return the rows of a page as columns; those that one version has answered stand together."""
        import pyarrow as pa

        if len(page.versions) == 1:
            return self._table(page, slice(page.count), page.versions[0])
        answered_by = page.version[: page.count]
        return pa.concat_tables(
            self._table(page, np.flatnonzero(answered_by == place), version)
            for place, version in enumerate(page.versions)
        )

    def _table(self, page: Page, here: slice | npt.NDArray[np.intp], version: Bundle) -> "pa.Table":
        import pyarrow as pa

        features = page.features[here]
        prediction = Prediction(page.probabilities[here], page.price_range[here])
        region = TrainingRegion.of_version(version.passport)
        answered = answer_columns.answers(prediction, worth=Worth(region.of(features)))
        found = dict(
            zip(
                (*OF_REQUEST, *FEATURE_NAMES, *answered.schema.names),
                (
                    *_of_request(page, here, version),
                    # each a column of its own memory, null where it was unknown
                    *(pa.array(column, from_pandas=True) for column in np.ascontiguousarray(features.T)),
                    *answered.columns,
                ),
                strict=True,
            )
        )
        table = pa.table({name: found[name] for name in self._names})
        for name in self._hashed:
            table = self._with_hashes(table, name)
        return table

    def _with_hashes(self, table: "pa.Table", name: str) -> "pa.Table":
        import pyarrow as pa

        if self._pseudonyms is None:
            return table
        place = table.schema.names.index(name)
        texts = self._pseudonyms.of(name, table.column(place).combine_chunks())
        field = pa.field(name, pa.string(), metadata=self._pseudonyms.metadata)
        return table.set_column(place, field, texts)


def _of_request(page: Page, here: slice | npt.NDArray[np.intp], version: Bundle) -> "list[pa.Array]":
    import pyarrow as pa

    numbers, doors = page.row[here], pa.array(DOORS)
    return [
        pa.array(page.request_id[here], pa.binary()).cast(pa.string()),
        pa.array(numbers, mask=numbers == 0),
        pa.array(page.time[here], pa.timestamp("us", "UTC")),
        pa.repeat(version.version, len(numbers)),
        doors.take(pa.array(page.door[here])),
    ]
