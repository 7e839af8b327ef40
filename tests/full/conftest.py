"""The fixtures of these tests."""

import pytest

from tests.full.bench import Bench


@pytest.fixture
def bench(full):
    return Bench(full)
