"""What a run says while it trains."""

import io
from pathlib import Path

from rich.console import Console

from pricerange.verdict import Comparison, Comparisons, Verdict
from training.fit.history import Epoch
from training.progress import shown, summed_up
from training.quality.leak import Leak
from training.report.diagnose import Diagnosis


def run(epochs: int, console: Console) -> None:
    with shown(epochs, 4, console) as on_epoch:
        for number in range(1, epochs + 1):
            on_epoch(Epoch(number, 0.25, 0.9, 0.3, 0.02, 0.875, 0.01, []))


def test_says_loss_and_validation_accuracy_in_ten_plain_lines_where_there_is_no_terminal() -> None:
    said = io.StringIO()
    run(200, Console(file=said))
    lines = said.getvalue().splitlines()
    assert lines[0] == "iterations an epoch: 4, in 200 epochs: 800"
    assert len(lines) == 11
    assert lines[-1] == "epoch 200/200 loss 0.2500 validation accuracy 0.8750"


def test_shows_a_progress_bar_on_a_terminal() -> None:
    said = io.StringIO()
    run(30, Console(file=said, force_terminal=True, width=120))
    assert "iterations an epoch: 4, in 30 epochs: 120" in said.getvalue()
    assert "30/30" in said.getvalue()
    assert "loss 0.2500 validation accuracy 0.8750" in said.getvalue()
    assert "━" in said.getvalue()


LEAK = Leak("n_cores", 1.0, 0.95, 1_440)
BESIDE = Comparison(test="a test", rows=4, right=2, other_rows=4, other_right=1, p=0.5, outcome="no worse")
VERDICT = Verdict(
    promotable=False,
    reasons=["too few phones"],
    remarks=["`ram` is constant."],
    comparisons=Comparisons(chance=BESIDE, linear=BESIDE),
)


def told(verdict: Verdict) -> list[str]:
    said = io.StringIO()
    diagnosis = Diagnosis("overfitting", ["A gap of [3] errors."], ["Raise `network.dropout`."])
    summed_up(diagnosis, [LEAK], verdict, Path("my models/phone_price_range/2"), Console(file=said))
    return said.getvalue().splitlines()


def test_ends_with_what_to_change_whether_it_may_be_served_and_where_the_report_lies() -> None:
    assert told(VERDICT) == [
        "diagnosis: overfitting",
        "A gap of [3] errors.",
        "suggested changes:",
        "- Raise `network.dropout`.",
        "warning: " + LEAK.sentence.replace("`", ""),
        "verdict: not promotable",
        "- too few phones",
        "`ram` is constant.",
        "to serve it nevertheless: pricerange models approve 2 --models 'my models' --why TEXT",
        "report: my models/phone_price_range/2/report.html",
    ]
    promotable = told(VERDICT.model_copy(update={"promotable": True}))
    assert "verdict: promotable" in promotable
    assert not any("nevertheless" in line for line in promotable)
