"""What `/openapi.json` says of `POST /predict/batch`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pricerange.answer.columns import SCORES
from pricerange.phone import FEATURE_NAMES, LABELS, PartialPhone, Phone
from pricerange.tables.csv.dialect import DELIMITERS
from service.batch.answers import COLUMNS
from service.batch.kept import MOST_KEPT
from service.http.body import JSON
from service.http.openapi import compressed_body_of
from service.model.decisions import DecisionOnPhone
from service.model.explanation import EXPLAIN_PARAMETER, ExplanationOfAnswer
from service.model.sets import SETS_HEADER, SETS_PARAMETER, SetsOfAnswer
from service.model.unknown import UNKNOWN_PARAMETER
from service.model.write import ApplicabilityOfPhone
from service.versions.names import ModelName

CSV, NDJSON, ARROW = "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
FORMS = (JSON, CSV, NDJSON, ARROW)
TSV = "text/tab-separated-values"
"""CSV whose header says that tabs separate its cells; answered as CSV."""
READ_AS = "X-Table-Read-As"
"""Header of an answer that says what had to be guessed to read the table."""


class Phones(BaseModel):
    """Many phones."""

    model_config = ConfigDict(extra="forbid")

    phones: list[Phone | PartialPhone]


class BatchRow(BaseModel):
    """A phone's price range or, with `on_bad_row=null`, the reason why it has none."""

    price_range: int | None = Field(ge=0, lt=len(LABELS), description="0 low to 3 very high cost")
    label: str | None
    probabilities: Annotated[
        list[float] | None,
        Field(
            min_length=len(LABELS),
            max_length=len(LABELS),
            description="Probability of each price range",
        ),
    ]
    applicability: ApplicabilityOfPhone | None = Field(
        None, description="Left out where the setting out_of_range is answer or refuse"
    )
    prediction_set: list[int] | None = Field(None, description="Price ranges side by side; with `sets` only")
    abstain: bool | None = Field(
        None, description="Whether the set leaves the price range open; where the setting abstain is on"
    )
    decision: DecisionOnPhone | None = Field(None, description="Where the setting cost_matrix is set")
    explanation: ExplanationOfAnswer | None = Field(None, description="With `explain=true` only")
    unknown: list[str] | None = Field(None, description="Features that were null; with `unknown` only")
    error: str | None = Field(None, description="With `on_bad_row=null`: why there is no answer, or null")


class BatchAnswer(BaseModel):
    """The answers to many phones, in their order."""

    predictions: list[BatchRow]
    sets: SetsOfAnswer | None = None
    model: ModelName


def request_document() -> dict[str, Any]:
    """Describe the parameter and the body (`openapi_extra` of the route)."""
    document = compressed_body_of(Phones)
    columns = (
        f"a column for each of {', '.join(FEATURE_NAMES)}, or with names that differ in capitals, blanks, "
        "underscores and hyphens only; other columns are ignored"
    )
    tables = _tables(columns, "a JSON object for each phone")
    document["requestBody"]["content"] |= {**tables, TSV: tables[CSV]}
    document["parameters"] = [
        {
            "name": "on_bad_row",
            "in": "query",
            "description": "An invalid row fails the request (fail), or gets nulls and the reason (null)",
            "schema": {"enum": ["fail", "null"], "default": "fail"},
        },
        {
            "name": "columns",
            "in": "query",
            "description": (
                "Columns of the body that come first in the answer, as they are; one of an answer's name "
                "gets `input_` in front. In JSON they are fields that a phone must have, the only other ones"
            ),
            "schema": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_KEPT},
            "style": "form",
            "explode": False,
        },
        SETS_PARAMETER,
        EXPLAIN_PARAMETER,
        UNKNOWN_PARAMETER,
        *_dialect(),
    ]
    return document


def answer_document() -> dict[str, Any]:
    """Describe the answer (an entry of the route's `responses`)."""
    return {
        "model": BatchAnswer,
        "content": _tables(
            f"the columns {', '.join(COLUMNS)}; with `explain=true` {', '.join(SCORES)}, reason_FEATURE for "
            "each feature that the model uses, and reason_error where they are not exact, before the last",
            "a row of `predictions`",
        ),
        "headers": {
            READ_AS: {
                "description": (
                    "What was guessed to read the table, or skipped behind it, if anything was, such as "
                    "`columns are separated by semicolons; RAM is read as ram`"
                ),
                "schema": {"type": "string"},
            },
            SETS_HEADER: {
                "description": "With `sets`: `level=0.9; calibration=...`, as `sets` in JSON",
                "schema": {"type": "string"},
            },
        },
    }


def _dialect() -> list[dict[str, Any]]:
    """Describe the parameters for bodies of CSV."""
    described = {
        "delimiter": (
            "What separates cells; as the header tells if it is missing",
            {"enum": [*DELIMITERS, "tab"]},
        ),
        # no default: generated clients would send it with bodies that are not CSV
        "decimal": ("The decimal mark, a point if it is missing", {"enum": [".", ","]}),
        "thousands": ("What groups digits by three", {"enum": [".", ",", " ", "'", "_"]}),
        "null_values": ("Texts, with commas between them, that stand for nothing", {"type": "string"}),
    }
    return [
        {"name": name, "in": "query", "description": f"Of `{CSV}` only. {about}", "schema": schema}
        for name, (about, schema) in described.items()
    ]


def _tables(columns: str, line: str) -> dict[str, Any]:
    return {
        CSV: {"schema": {"type": "string", "description": f"RFC 4180 in UTF-8: {columns}"}},
        NDJSON: {"schema": {"type": "string", "description": f"In each line {line}"}},
        ARROW: {
            "schema": {"type": "string", "format": "binary", "description": f"An IPC stream: {columns}"},
        },
    }
