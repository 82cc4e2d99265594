import pytest

from bench.alarms.hurried import hurried


@pytest.mark.parametrize(
    ("rule", "shorter"),
    [
        pytest.param("rate(x[5m])", "rate(x[5s])", id="a window"),
        pytest.param("rate(x[1h] offset 15m) > 14.4", "rate(x[60s] offset 15s) > 14.4", id="an offset"),
        pytest.param("for: 2h", "for: 120s", id="a wait"),
        pytest.param("for: 30s", "for: 1s", id="no less than a second"),
        pytest.param(
            "record: job:failed:ratio_rate3d\nexpr: x[3d]",
            "record: job:failed:ratio_rate3d\nexpr: x[4320s]",
            id="names stay",
        ),
    ],
)
def test_durations_are_a_sixtieth(rule, shorter):
    assert hurried(rule) == shorter
