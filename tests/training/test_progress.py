"""What a run says while it trains."""

import io

from rich.console import Console

from training.history import Epoch
from training.progress import shown


def run(epochs: int, console: Console) -> None:
    with shown(epochs, console) as on_epoch:
        for number in range(1, epochs + 1):
            on_epoch(Epoch(number, 0.25, 0.9, 0.3, 0.02, 0.875, 0.01))


def test_says_loss_and_validation_accuracy_in_ten_plain_lines_where_there_is_no_terminal() -> None:
    said = io.StringIO()
    run(200, Console(file=said))
    lines = said.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1] == "epoch 200/200 loss 0.2500 validation accuracy 0.8750"


def test_shows_a_progress_bar_on_a_terminal() -> None:
    said = io.StringIO()
    run(30, Console(file=said, force_terminal=True, width=120))
    assert "30/30" in said.getvalue()
    assert "loss 0.2500 validation accuracy 0.8750" in said.getvalue()
    assert "━" in said.getvalue()
