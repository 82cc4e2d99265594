"""Who asks alone waits for nothing; of many who come one by one, a run waits for all, and not for ever."""

from service.model.gathering import _IDLE, _MOST, Gathering


def waits(gathering: Gathering, most: int = 1_000) -> int:
    """Count the iterations for which a run waits."""
    return next(count for count in range(most) if not gathering.goes_on())


def come(gathering: Gathering, requests: int) -> None:
    for _ in range(2 * requests):
        gathering.note()


def test_requests_of_others_wait_for_nothing() -> None:
    assert waits(Gathering()) == 0


def test_one_after_the_other_waits_for_nothing() -> None:
    gathering = Gathering()
    for _ in range(10):
        come(gathering, 1)
        assert waits(gathering) == 0


def test_a_run_waits_until_nobody_comes_any_more() -> None:
    gathering = Gathering()
    come(gathering, 2)
    for _ in range(20):
        assert gathering.goes_on()
        gathering.note()
    assert waits(gathering) == _IDLE
    assert waits(gathering) == 0


def test_after_many_one_may_not_be_the_last() -> None:
    gathering = Gathering()
    come(gathering, 5)
    waits(gathering)
    come(gathering, 1)
    assert waits(gathering) == _IDLE
    come(gathering, 1)
    assert waits(gathering) == 0


def test_a_flood_does_not_hold_a_run_back() -> None:
    gathering = Gathering()
    come(gathering, _MOST)
    assert waits(gathering) == 0
