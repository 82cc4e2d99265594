"""What a run says while it trains."""

import io
from pathlib import Path

from rich.console import Console

from training.fit.history import Epoch
from training.progress import shown, summed_up
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


def test_ends_with_the_verdict_what_to_change_and_where_the_report_lies() -> None:
    said = io.StringIO()
    diagnosis = Diagnosis("overfitting", ["A gap of [3] errors."], ["Raise `network.dropout`."])
    summed_up(diagnosis, Path("models/phone_price_range/2"), Console(file=said))
    assert said.getvalue().splitlines() == [
        "verdict: overfitting",
        "A gap of [3] errors.",
        "suggested changes:",
        "- Raise `network.dropout`.",
        "report: models/phone_price_range/2/report.html",
    ]
