"""Where QuickBooks makes another total of a document, a person reads it, or a line makes up for it."""

import pytest

from tests.full.test_changes import all_is_proved, drained


@pytest.fixture
def off(bench):
    """A charge that goes to a discount item, which QuickBooks always takes off."""
    bench.tenant.put("charges", "promo", name="Promotion", item="Promotion")
    lines = [{"charge": "gold", "amount": "100.00"}, {"charge": "promo", "amount": "10.00"}]
    bench.lines = lines
    return bench


def test_another_total_is_held_with_both_amounts(off):
    off.invoice("1042", lines=off.lines)
    off.tenant.sync()

    assert off.documents() == [("1042", "90.00", "90.00")]
    (note,) = off.notes("held")
    assert "QuickBooks makes 90.00 of it, and the billing 110.00: a difference of 20.00" in note
    assert off.tenant.proof().difference > 0


def test_a_line_makes_up_for_it_where_the_tenant_wants_that(off):
    off.choose(tax_difference="adjust")
    off.invoice("1042", lines=off.lines)
    off.credit_memo("7", "0.00", lines=off.lines)
    off.tenant.sync()

    assert off.documents() == [("1042", "110.00", "110.00")]
    assert off.documents("CreditMemo") == [("7", "110.00", "110.00")]
    assert "Makes up for what QuickBooks computed otherwise" in "".join(off.tenant.messages())
    drained(off)


def test_the_same_total_needs_nothing(bench):
    bench.invoice("1042", "100.00", taxes=[{"code": "VAT", "amount": "19.00"}])
    bench.tenant.sync()
    assert bench.notes("held", "failed") == []
    all_is_proved(bench)
    drained(bench)
