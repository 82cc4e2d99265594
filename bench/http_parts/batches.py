"""A thousand phones a request, in every form."""

from bench.http_parts.plan import Cells, Plan
from bench.load.formats import BATCHES, LIST, Format
from bench.load.pinned import running
from bench.show.tables import Target, show

FEW, MANY = 1, 4
"""Connections."""
WANTED_ROWS_A_SECOND = {
    "JSON objects": 300_000,
    "V2 JSON, nested": 800_000,
    "V2 JSON, flat": 800_000,
    "V2 binary": 2_000_000,
    "CSV": 600_000,
}


def measure(plan: Plan) -> list[Target]:
    """Print the table and return what is wanted of it."""
    cells = Cells()
    forms = {plan.plain: (LIST,), plan.service: BATCHES}
    for _ in range(plan.rounds):
        for which, its_forms in forms.items():
            with running(which) as server:
                for form in its_forms:
                    request = server.check(form, plan.rows, plan.oracle)
                    for connections in (FEW, MANY):
                        load = server.load(request, connections, plan.seconds)
                        cells.add(_name(which.name, form), connections, load)
    count = len(plan.rows)
    rows = []
    for which, its_forms in forms.items():
        for form in its_forms:
            name = _name(which.name, form)
            few, many = cells.median(name, FEW), cells.median(name, MANY)
            rates = (count * few.per_second, count * many.per_second, 1e6 * count / many.cpu_each)
            rows.append(
                (
                    name,
                    *(f"{rate:,.0f}" for rate in rates),
                    f"{few.p50:.2f}",
                    f"{many.p99:.2f}",
                    f"{many.busy:.2f}",
                )
            )
    head = (
        f"rows/s at {FEW}",
        f"rows/s at {MANY}",
        "rows/CPU s",
        f"p50 ms at {FEW}",
        f"p99 ms at {MANY}",
        "busy",
    )
    show(f"{count:,} phones a request, at {FEW} and at {MANY} connections.", ("server, form", *head), rows)
    return [
        Target(
            f"rows/s at {MANY} connections, {form}",
            count * cells.median(f"{plan.service.name}, {form}", MANY).per_second,
            least=wanted,
        )
        for form, wanted in WANTED_ROWS_A_SECOND.items()
    ]


def _name(server: str, form: Format) -> str:
    return f"{server}, {form.name}"
