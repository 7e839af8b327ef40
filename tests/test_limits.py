"""How often something may be tried."""

import pytest

from hub.limits import FORGOTTEN, FREE_TRIES, LONGEST_WAIT, MOST_KEYS, Brake, Limit, SignIns, network


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


def test_a_look_counts_no_try():
    limit = Limit(1, 60, Clock())
    assert [limit.left("a"), limit.left("a"), limit.wait("a")] == [0, 0, 0]
    assert limit.left("a") == 60


def test_a_wait_doubles_up_to_a_minute():
    clock = Clock()
    brake = Brake(clock)
    waits = []
    for _ in range(FREE_TRIES + 8):
        waits.append(brake.wait("a"))
        clock.now += waits[-1]
        if waits[-1]:
            assert brake.wait("a") == 0
    assert [wait for wait in waits if wait] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert max(waits) == LONGEST_WAIT
    assert brake.wait("b") == 0


def test_a_wait_is_over_after_a_quiet_time():
    clock = Clock()
    brake = Brake(clock)
    for _ in range(1000):
        brake.wait("a")
        clock.now += 1
    clock.now += FORGOTTEN + LONGEST_WAIT
    assert [brake.wait("a") for _ in range(FREE_TRIES)] == [0] * FREE_TRIES


def test_the_memory_of_all_who_guess_is_bounded():
    brake, sign_ins = Brake(Clock()), SignIns(Clock())
    for number in range(MOST_KEYS + 100):
        brake.wait(str(number))
        sign_ins.right(str(number), "192.0.2.1")
    assert len(brake._keys) == len(sign_ins._right) == MOST_KEYS


@pytest.mark.parametrize(
    "address, whose",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
        ("no address", ""),
    ],
)
def test_an_address_stands_for_a_network(address, whose):
    assert network(address) == whose
