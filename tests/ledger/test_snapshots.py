"""Snapshots read like the records themselves."""

import pytest
from sqlalchemy import inspect, select

from hub.ledger import models, snapshots
from hub.tenants.service import open_tenant
from tests.world import World

PUSHED = [
    (
        "customer",
        "acme",
        {"name": "Acme", "email": "a@example.com", "bill_address": {"line1": "1 Road"}},
    ),
    ("customer", "site", {"name": "Site", "parent": "acme", "currency": "USD"}),
    ("charge", "gold", {"name": "Gold", "price": "10.00", "taxable": True}),
    (
        "invoice",
        "i1",
        {
            "number": "1042",
            "customer": "acme",
            "date": "2026-05-03",
            "currency": "USD",
            "total": "21.50",
            "lines": [
                {"charge": "gold", "amount": "20.00", "quantity": "2", "rate": "10"},
                {"description": "A line of text"},
            ],
            "taxes": [{"code": "NY", "amount": "1.50", "rate": "7.5"}],
        },
    ),
    (
        "invoice",
        "i2",
        {
            "number": "1043",
            "customer": "acme",
            "date": "2026-05-04",
            "currency": "USD",
            "total": "5.00",
            "lines": [{"charge": "gold", "amount": "5.00"}],
        },
    ),
    (
        "credit_memo",
        "m1",
        {
            "number": "C-1",
            "customer": "acme",
            "date": "2026-05-05",
            "currency": "USD",
            "total": "5.00",
            "lines": [{"charge": "gold", "amount": "5.00"}],
            "applied": [{"invoice": "i1", "amount": "5.00"}],
        },
    ),
    (
        "payment",
        "p1",
        {
            "customer": "acme",
            "date": "2026-05-06",
            "amount": "9.00",
            "currency": "USD",
            "applied": [{"invoice": "i2", "amount": "5.00"}, {"invoice": "i1", "amount": "4.00"}],
        },
    ),
    (
        "refund",
        "r1",
        {
            "customer": "acme",
            "date": "2026-05-07",
            "amount": "1.00",
            "currency": "USD",
            "credit_memo": "m1",
        },
    ),
]
LEFT_OUT = {"tenant_id", "digest", "created", "updated"}
MODELS = {
    "customer": models.Customer,
    "charge": models.Charge,
    "invoice": models.Invoice,
    "credit_memo": models.CreditMemo,
    "payment": models.Payment,
    "refund": models.Refund,
}


@pytest.fixture(scope="module")
def shared(app, settings, tmp_path_factory):
    tenant = World(app, settings, tmp_path_factory.mktemp("snapshots")).tenant("full")
    tenant.batch(PUSHED)
    return tenant


def plain(record):
    """All that a record says, its rows too, as dictionaries."""
    mapper = inspect(record).mapper
    fields = {
        one.key: getattr(record, one.key) for one in mapper.column_attrs if one.key not in LEFT_OUT
    }
    return fields | {
        one.key: [plain(row) for row in getattr(record, one.key)] for one in mapper.relationships
    }


def said(snapshot):
    return {
        name: [said(row) for row in value] if name in ("lines", "taxes", "applied") else value
        for name, value in snapshot._asdict().items()
    }


@pytest.mark.parametrize("kind", MODELS)
def test_a_snapshot_says_what_the_record_says(shared, kind):
    with shared.db() as db:
        open_tenant(db, shared.slug)
        records = {one.id: plain(one) for one in db.scalars(select(MODELS[kind]))}
        read = snapshots.read(db, MODELS[kind], records)
        assert {one.id: said(one) for one in read} == records
        assert len(records) == sum(pushed == kind for pushed, _, _ in PUSHED)
        assert {one.__tablename__ for one in read} == {kind}


def test_nothing_is_read_of_records_that_are_not_there_or_another_tenants(shared, full):
    with shared.db() as db:
        open_tenant(db, shared.slug)
        ids = list(db.scalars(select(models.Invoice.id)))
        assert snapshots.read(db, models.Invoice, []) == []
        assert snapshots.read(db, models.Invoice, [-1]) == []
    with full.db() as db:
        open_tenant(db, full.slug)
        assert snapshots.read(db, models.Invoice, ids) == []


def test_a_snapshot_cannot_be_changed(shared):
    with shared.db() as db:
        open_tenant(db, shared.slug)
        (first, *_) = snapshots.read(db, models.Invoice, db.scalars(select(models.Invoice.id)))
        with pytest.raises(AttributeError):
            first.total = 0
