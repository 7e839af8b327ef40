"""Whatever a month brings, the books equal the bills: to the cent, in both modes."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.money import plain
from hub.sandbox import faults
from tests.world import World

CODES = ("4010", "Sales:Usage", "Discounts Given", "sales:setup fees")
ITEMS = ("Subscription", "Usage", "Discount", "hosting:pro")

cents = st.integers(1, 10_000_00).map(lambda number: Decimal(number) / 100)
days = st.dates(
    min_value=__import__("datetime").date(2026, 5, 1), max_value=__import__("datetime").date(2026, 5, 31)
)


@st.composite
def lines(draw):
    """Lines that may hold discounts and still add up to no less than nothing."""
    found = []
    left = Decimal(0)
    for amount in draw(st.lists(cents, min_size=1, max_size=4)):
        if draw(st.booleans()) and amount <= left:
            amount = -amount
        left += amount
        found.append({"charge": f"g{draw(st.integers(0, 3))}", "amount": plain(amount)})
        if draw(st.booleans()):
            found[-1]["class"] = "East"
            found[-1]["quantity"] = "2"
    return found


taxes = st.lists(
    st.builds(
        lambda code, amount: {"code": code, "amount": plain(amount / 10)},
        st.sampled_from(["NY", "CA", "Sales Tax Collected"]),
        cents,
    ),
    max_size=2,
)


def total(document):
    rows = [*document["lines"], *document["taxes"]]
    return sum(Decimal(row["amount"]) for row in rows)


@st.composite
def documents(draw):
    found = {
        "customer": f"c{draw(st.integers(0, 2))}",
        "date": str(draw(days)),
        "lines": draw(lines()),
        "taxes": draw(taxes),
        "status": draw(st.sampled_from(["open", "open", "open", "void"])),
    }
    if draw(st.booleans()):
        found["billing_cycle"] = "may"
    return found


@st.composite
def months(draw):
    """A month: documents, what is paid on them, and what is changed afterwards."""
    invoices = draw(st.lists(documents(), min_size=1, max_size=5))
    credits = draw(st.lists(documents(), max_size=2))
    records, late = [], []
    for index, invoice in enumerate(invoices):
        records.append(("invoice", f"i{index}", {"number": str(1000 + index), **invoice}))
        paid = invoice["status"] == "open" and total(invoice) > 0 and draw(st.booleans())
        if paid:
            records.append(("payment", f"p{index}", draw(payments(f"i{index}", invoice))))
            if draw(st.booleans()):
                late.append(("payment", f"p{index}", records[-1][2] | {"version": 2, "status": "void"}))
        elif draw(st.booleans()):
            changed = draw(st.sampled_from([{"status": "void"}, {"lines": draw(lines())}]))
            body = {"number": str(1000 + index), **invoice, "version": 2}
            if invoice["status"] == "open":
                late.append(("invoice", f"i{index}", body | changed))
    for index, credit in enumerate(credits):
        records.append(("credit_memo", f"m{index}", {"number": f"CM{index}", **credit}))
        if credit["status"] == "open" and total(credit) > 0 and draw(st.booleans()):
            amount = draw(st.integers(1, int(total(credit) * 100)).map(lambda n: Decimal(n) / 100))
            named = {"credit_memo": f"m{index}"} if draw(st.booleans()) else {}
            body = {"customer": credit["customer"], "date": str(draw(days)), "amount": plain(amount)}
            records.append(("refund", f"r{index}", body | named))
    return records, late


@st.composite
def payments(draw, invoice_id, invoice):
    """In part, in full, or more than is due."""
    amount = draw(cents)
    applied = min(amount, total(invoice))
    return {
        "customer": invoice["customer"],
        "date": str(draw(days)),
        "amount": plain(amount),
        "method": draw(st.sampled_from(["Credit Card", "wire", ""])),
        "applied": [{"invoice": invoice_id, "amount": plain(applied)}],
    }


def base():
    yield "billing_cycle", "may", {"name": "May", "starts": "2026-05-01", "ends": "2026-05-31"}
    for index in range(3):
        yield "customer", f"c{index}", {"name": f"Customer {index}"}
    for index, (code, item) in enumerate(zip(CODES, ITEMS, strict=True)):
        yield "charge", f"g{index}", {"name": f"Charge {index}", "accounting_code": code, "item": item}


@pytest.mark.parametrize("mode", ["summary", "full"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    month=months(),
    mishap=st.sampled_from([None, faults.LOSE_ANSWER, faults.LOSE_REQUEST, faults.UNEXPECTED_AFTER]),
    sync_first=st.booleans(),
    close_first=st.booleans(),
    remapped=st.booleans(),
    short_memory=st.booleans(),
)
def test_the_books_equal_the_bills(
    app,
    settings,
    tmp_path_factory,
    mode,
    month,
    mishap,
    sync_first,
    close_first,
    remapped,
    short_memory,
):
    tenant = World(app, settings, tmp_path_factory.mktemp("month")).tenant(mode)
    records, late = month
    tenant.batch([*base(), *records])
    if close_first:
        tenant.close("may")
    if sync_first:
        tenant.sync(plan=faults.whenever("Add", mishap) if mishap else faults.all_well)
        tenant.an_hour_passes()
    if remapped:
        moved = {"name": "Charge 0", "accounting_code": "4040", "item": "Support", "version": 2}
        tenant.put("charges", "g0", **moved)
    if late:
        tenant.batch(late)
    tenant.close("may")

    outcome = tenant.sync(short_memory=short_memory)

    assert outcome.ok, outcome
    proof = tenant.proof()
    assert proof.difference == 0, proof.as_json()
    assert tenant.balances() == tenant.billed()
    again = tenant.sync()
    assert again.nothing_to_do, again
