import pytest

from fwp.training.schedule import SCHEDULES, Schedule


@pytest.mark.parametrize("name", SCHEDULES)
def test_warmup_rises_to_the_highest_rate_and_the_schedule_has_the_rest(name):
    warm, plain = Schedule(name, 0.5, 100, warmup=0.2), Schedule(name, 0.5, 80)
    rise = [warm.rate(step) for step in range(20)]
    assert rise == pytest.approx([0.5 * (step + 1) / 20 for step in range(20)])
    assert [warm.rate(20 + step) for step in range(80)] == [plain.rate(step) for step in range(80)]
    assert plain.rate(0) == 0.5
    assert not warm.constant


def test_the_cosine_ends_at_zero_and_stays_there():
    cosine = Schedule("cosine", 1.0, 10)
    assert cosine.rate(5) == pytest.approx(0.5)
    assert [cosine.rate(step) for step in (10, 11)] == [0, 0]


def test_a_constant_rate_is_one():
    constant = Schedule("constant", 0.1, 10)
    assert constant.constant and {constant.rate(step) for step in range(12)} == {0.1}


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_a_warmup_without_an_end_is_refused(warmup):
    with pytest.raises(ValueError, match=f"warmup must be .* less than 1, got {warmup}"):
        Schedule("constant", 0.1, 10, warmup)
