"""The fixtures of these tests."""

import pytest

from tests.full.bench import Bench


@pytest.fixture
def bench(full):
    return Bench(full)


@pytest.fixture
def browser(bench, enter):
    """The bookkeeper at the pages."""
    return enter(bench.tenant)
