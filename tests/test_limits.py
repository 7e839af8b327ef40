"""How often something may be tried."""

from hub.limits import MOST_KEYS, Limit


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_tries_come_back_one_by_one():
    clock = Clock()
    limit = Limit(2, 60, clock)
    assert limit.wait("a") == 0
    clock.now = 10
    assert limit.wait("a") == 0
    assert limit.wait("a") == 50
    assert limit.wait("b") == 0
    clock.now = 61
    assert limit.wait("a") == 0
    assert limit.wait("a") == 9


def test_a_right_try_forgets_the_wrong_ones():
    limit = Limit(1, 60, Clock())
    assert limit.wait("a") == 0
    limit.forget("a")
    limit.forget("never seen")
    assert limit.wait("a") == 0


def test_old_keys_are_swept_out():
    clock = Clock()
    limit = Limit(1, 60, clock)
    for number in range(MOST_KEYS):
        limit.wait(str(number))
    clock.now = 100
    limit.wait("one more")
    assert len(limit._times) == 1
