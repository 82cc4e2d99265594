"""What a request asks for: `on_bad_row=null`, `columns=id,sku`, a dialect of CSV, the form of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from pricerange.phone import Problem
from pricerange.tables.csv.dialect import AS_FOUND, Dialect
from pricerange.tables.errors import DialectError
from service.batch.bodies.rows import OnBadRow
from service.batch.document import CSV, FORMS
from service.batch.kept import MOST_KEPT
from service.errors import InvalidInputError
from service.http.accept import weights
from service.model.explanation import PARAMETER as EXPLAIN
from service.model.explanation import asked_to_explain
from service.model.sets import PARAMETER, level_of
from service.model.unknown import PARAMETER as UNKNOWN
from service.model.unknown import is_asked

_MODES: dict[str, OnBadRow] = {"fail": "fail", "null": "null"}
_OF_CSV = ("delimiter", "decimal", "thousands", "null_values")
_EXPECTED = (
    "expected the parameter on_bad_row=fail or =null, columns=NAME,NAME, sets=LEVEL, explain=true, "
    f"unknown=average, or of {CSV} {', '.join(_OF_CSV)}"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What becomes of bad rows, which columns are handed through, a CSV's dialect, what is told beside.

    And what becomes of `unknown` features.
    """

    on_bad_row: OnBadRow = "fail"
    columns: tuple[str, ...] = ()
    dialect: Dialect = AS_FOUND
    sets: float | None = None
    explain: bool = False
    unknown: bool = False


_NOTHING = Asked()


def asked_of(request: Request, form: str) -> Asked:
    """Read the query of a request whose body has this form. Raises `InvalidInputError`."""
    query: bytes = request.scope["query_string"]
    if not query:
        return _NOTHING
    asked = dict[str, str]()
    for name, value in request.query_params.multi_items():
        if name in asked:
            raise _unexpected(query)
        asked[name] = value
    columns = asked.pop("columns", None)
    on_bad_row = asked.pop("on_bad_row", "fail")
    level = asked.pop(PARAMETER, None)
    sets = None if level is None else level_of(level)
    unknown = is_asked(asked.pop(UNKNOWN, None))
    explain = asked_to_explain(asked.pop(EXPLAIN, "false"))
    of_csv = {name: asked.pop(name) for name in _OF_CSV if name in asked}
    if asked or on_bad_row not in _MODES:
        raise _unexpected(query)
    names = () if columns is None else _names(columns)
    return Asked(_MODES[on_bad_row], names, _dialect(of_csv, form), sets, explain, unknown)


def form_of_answer(headers: Mapping[bytes, bytes], form: str) -> str:
    """Return the form of the answer: the body's, unless the client accepts others alone."""
    accepted = weights(headers.get(b"accept", b"*/*").decode("latin-1"))

    def weight(form: str) -> float:
        kind = f"{form.partition('/')[0]}/*"
        return next((accepted[name] for name in (form, kind, "*/*") if name in accepted), 0.0)

    if weight(form) > 0:
        return form
    # of equal ones the first that is named
    best = max((*(name for name in accepted if name in FORMS), *FORMS), key=weight)
    return best if weight(best) > 0 else form


def _dialect(of_csv: Mapping[str, str], form: str) -> Dialect:
    if of_csv and form != CSV:
        raise _refused(f"{', '.join(of_csv)}: expected a body of {CSV}, got one of {form}")
    try:
        return Dialect.asked_for(**of_csv)
    except DialectError as error:
        raise _refused(str(error)) from error


def _names(columns: str) -> tuple[str, ...]:
    names = tuple(columns.split(","))
    if len(names) > MOST_KEPT:
        raise _refused(f"columns names {len(names)} columns, expected at most {MOST_KEPT}")
    for name in names:
        if not name or not name.isprintable() or "\\" in name or '"' in name:
            raise _refused(
                "columns: expected names with commas between them, none empty or with a quote, "
                f"backslash or control character, got {columns[:40]!r}"
            )
        if names.count(name) > 1:
            raise _refused(f"columns names {name[:40]!r} more than once")
    return names


def _unexpected(query: bytes) -> InvalidInputError:
    return _refused(f"{_EXPECTED}, got {query.decode('latin-1')[:40]!r}")


def _refused(detail: str) -> InvalidInputError:
    return InvalidInputError([Problem(detail, "")], 1)
