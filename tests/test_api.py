"""The API as a careful, a clumsy and a hostile billing platform find it."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import event, select
from webtest import TestApp

from hub.ledger.models import Customer, Posting
from hub.ledger.records import MODELS
from hub.tenants.service import StaffRoom, open_tenant
from tests.contract import Platform

MEGABYTE = 1024 * 1024
ANY = 0
"""Whatever status is answered."""
HEAD = {"customer": "ada", "date": "2026-05-03"}
LINE = {"charge": "gold", "amount": "100.00"}


@pytest.fixture
def tenant(world):
    """A tenant in one mode: the API is the same in both."""
    return world.tenant("full")


@pytest.fixture
def platform(testapp, tenant):
    """The tenant's billing platform."""
    return Platform(testapp, tenant.token)


@pytest.fixture
def stocked(platform):
    """The platform after it has sent a customer, a charge and a cycle."""
    put(platform, "customers", "ada", name="Ada")
    put(platform, "charges", "gold", name="Gold", item="Subscription", accounting_code="4010")
    put(platform, "billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    return platform


def put(platform, kind, external_id, expect=None, version=1, **body):
    raw = json.dumps({"version": version} | body).encode()
    response = platform.call("PUT", f"{kind}/{external_id}", raw, expect or None)
    assert expect is not None or response.status_int in (200, 201), response.text
    return response


def batch(platform, *records, status=200, partial=False):
    raw = "\n".join(json.dumps({"version": 1} | record) for record in records).encode()
    return platform.call("POST", "batches" + ("?partial=true" if partial else ""), raw, status)


def pointers(response):
    return [error["pointer"] for error in response.json["errors"]]


def postings(tenant, kind, external_id):
    with tenant.db() as db:
        db.enter(tenant.id)
        model = MODELS[kind]
        record = db.scalars(select(model).filter_by(external_id=external_id)).one()
        query = select(Posting).filter_by(kind=kind, record_id=record.id).order_by(Posting.id)
        return [
            (posting.version, posting.purpose.value, posting.amount) for posting in db.scalars(query)
        ]


# A careful platform


WHOLE = {
    "customers": {
        "name": "Grace Hopper",
        "company": "Navy",
        "first_name": "Grace",
        "last_name": "Hopper",
        "email": "grace@example.com",
        "phone": "555 0100",
        "account_number": "A-1",
        "bill_address": {
            "line1": "1 Pier",
            "line2": "Dock 2",
            "city": "Arlington",
            "state": "VA",
            "postal_code": "22201",
            "country": "US",
        },
        "currency": "USD",
    },
    "charges": {
        "name": "Silver",
        "description": "Silver plan – “monthly”",
        "accounting_code": "4010",
        "item": "Subscription",
        "class": "East",
        "price": "12.50",
        "taxable": True,
    },
    "billing-cycles": {"name": "June", "starts": "2026-06-01", "ends": "2026-06-30"},
    "invoices": HEAD
    | {
        "number": "1001",
        "due_date": "2026-06-03",
        "billing_cycle": "may",
        "currency": "USD",
        "memo": "Thanks, Grüße, 感謝 🎉\nsecond line",
        "status": "open",
        "lines": [
            LINE | {"description": "Plan", "quantity": "2", "rate": "50.00001", "class": "East"},
            {"charge": "gold", "amount": "-10.00"},
        ],
        "taxes": [{"code": "NY", "rate": "8.875", "amount": "7.99"}],
    },
    "credit-memos": HEAD
    | {
        "number": "C-1",
        "billing_cycle": "may",
        "currency": "USD",
        "memo": "Sorry",
        "status": "open",
        "lines": [{"charge": "gold", "amount": "5.00"}],
        "taxes": [{"code": "NY", "amount": "0.44"}],
        "applied": [{"invoice": "i", "amount": "5.44"}],
    },
    "payments": HEAD
    | {
        "method": "Check",
        "reference": "777",
        "amount": "50.00",
        "currency": "USD",
        "status": "open",
        "applied": [{"invoice": "i", "amount": "40.00"}],
    },
    "refunds": HEAD
    | {
        "method": "Check",
        "reference": "778",
        "amount": "5.00",
        "currency": "USD",
        "credit_memo": "memo",
        "status": "open",
    },
}


@pytest.mark.parametrize("kind", WHOLE)
def test_every_field_of_every_kind_comes_back_as_it_was_sent(stocked, kind):
    put(stocked, "invoices", "i", number="0", lines=[LINE], **HEAD)
    put(stocked, "credit-memos", "memo", number="0", lines=[LINE], **HEAD)

    created = put(stocked, kind, "whole", 201, **WHOLE[kind])
    shown = stocked.call("GET", f"{kind}/whole", status=200)

    assert shown.json == created.json
    assert {key: shown.json[key] for key in WHOLE[kind]} == WHOLE[kind]


def test_a_record_read_can_be_pushed_again_as_a_new_version(stocked):
    put(stocked, "invoices", "i", 201, **WHOLE["invoices"])
    read = stocked.call("GET", "invoices/i").json
    extra = ("kind", "external_id", "updated", "total")
    again = {key: value for key, value in read.items() if key not in extra}

    put(stocked, "invoices", "i", 200, **again)


def test_the_same_push_twice_changes_nothing(stocked, tenant):
    first = put(stocked, "invoices", "i", 201, number="1", lines=[LINE], **HEAD)
    posted = postings(tenant, "invoice", "i")

    again = put(stocked, "invoices", "i", 200, number="1", lines=[LINE], **HEAD)

    assert again.json == first.json
    assert postings(tenant, "invoice", "i") == posted


def test_what_means_the_same_is_the_same(stocked):
    put(stocked, "customers", "c", 201, name="Cy", email=None, bill_address={"line1": None})

    put(stocked, "customers", "c", 200, name="Cy", phone="", currency="USD")


def test_the_same_version_with_another_body_is_a_conflict(stocked, tenant):
    put(stocked, "invoices", "i", 201, number="1", lines=[LINE], **HEAD)

    refused = put(stocked, "invoices", "i", 409, number="2", lines=[LINE], **HEAD)

    assert pointers(refused) == ["/version"]
    assert stocked.call("GET", "invoices/i").json["number"] == "1"


def test_an_older_version_is_a_conflict(stocked):
    put(stocked, "invoices", "i", 201, version=3, number="1", lines=[LINE], **HEAD)

    assert pointers(put(stocked, "invoices", "i", 409, version=2, number="1", lines=[LINE], **HEAD)) == [
        "/version"
    ]


def test_a_newer_version_posts_the_difference_alone(stocked, tenant):
    put(stocked, "invoices", "i", 201, number="1", lines=[LINE], **HEAD)
    before = postings(tenant, "invoice", "i")

    put(stocked, "invoices", "i", 200, version=2, number="1", **HEAD, lines=[LINE | {"amount": "90.00"}])

    after = postings(tenant, "invoice", "i")
    assert after[: len(before)] == before
    assert sum(amount for _, purpose, amount in after if purpose == "receivable") == 90
    for version in (1, 2):
        assert sum(amount for at, _, amount in after if at == version) == 0


def test_a_void_record_takes_back_all_it_posted(stocked, tenant):
    body = HEAD | {"number": "1", "lines": [LINE], "taxes": [{"code": "NY", "amount": "8.00"}]}
    put(stocked, "invoices", "i", 201, **body)
    put(stocked, "invoices", "i", 200, version=2, status="void", **body)

    totals = {}
    for _, purpose, amount in postings(tenant, "invoice", "i"):
        totals[purpose] = totals.get(purpose, Decimal(0)) + amount
    assert totals == {"receivable": 0, "income": 0, "tax": 0}

    put(stocked, "invoices", "i", 200, version=3, **body)
    assert sum(a for _, purpose, a in postings(tenant, "invoice", "i") if purpose == "receivable") == 108


def test_a_new_version_that_changes_no_amount_posts_nothing(stocked, tenant):
    put(stocked, "payments", "p", 201, amount="5.00", **HEAD)
    before = postings(tenant, "payment", "p")

    put(stocked, "payments", "p", 200, version=2, amount="5.00", reference="777", **HEAD)

    assert postings(tenant, "payment", "p") == before


def test_a_list_is_read_page_by_page_without_gap_or_repetition(stocked):
    records = [{"kind": "customer", "external_id": f"n{n}", "name": f"N {n}"} for n in range(7)]
    batch(stocked, *records)

    seen, cursor = [], ""
    while cursor is not None:
        page = stocked.call("GET", f"customers?limit=3&cursor={cursor}", status=200).json
        assert len(page["data"]) <= 3
        seen += [record["external_id"] for record in page["data"]]
        cursor = page["next"]

    assert seen == ["ada", *(f"n{n}" for n in range(7))]


def test_a_list_of_nothing_is_an_empty_page(platform):
    assert platform.call("GET", "refunds", status=200).json == {"data": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=ten",
        "limit=",
        "limit=" + "9" * 5000,
        "cursor=nonsense",
        "cursor=%C3%A9",
        "cursor=YWZ0ZXI6LTE",
        "cursor=YWZ0ZXI6OTIyMzM3MjAzNjg1NDc3NTgwOA",
    ],
)
def test_a_limit_or_cursor_that_is_none_is_refused(platform, query):
    response = platform.call("GET", f"customers?{query}", status=422)

    assert pointers(response) == [f"/{query.partition('=')[0]}"]


def test_a_cycle_closes_once(stocked):
    first = stocked.call("POST", "billing-cycles/may/close", status=200).json

    again = stocked.call("POST", "billing-cycles/may/close", status=200).json

    assert again["closed"] == first["closed"] is not None
    assert stocked.call("GET", "billing-cycles/may").json["closed"] == first["closed"]


def test_an_unknown_cycle_does_not_close(platform):
    platform.call("POST", "billing-cycles/nowhen/close", status=404)


def test_the_imported_lists_are_read(platform, tenant):
    assert platform.call("GET", "accounts", status=200).json == {"data": []}
    assert platform.call("GET", "items", status=200).json == {"data": []}

    tenant.sync()

    accounts = {entry["name"] for entry in platform.call("GET", "accounts").json["data"]}
    assert "Accounts Receivable" in accounts
    assert platform.call("GET", "items").json["data"]


# Batches


MIXED = (
    {
        "kind": "payment",
        "external_id": "p",
        "amount": "9.00",
        "applied": [{"invoice": "i", "amount": "9.00"}],
    }
    | {"customer": "bob", "date": "2026-05-09"},
    {"kind": "invoice", "external_id": "i", "number": "1", "customer": "bob", "date": "2026-05-03"}
    | {"lines": [{"charge": "tin", "amount": "9.00"}]},
    {"kind": "charge", "external_id": "tin", "name": "Tin"},
    {"kind": "customer", "external_id": "bob", "name": "Bob"},
)


def test_the_lines_of_a_batch_stand_in_any_order(platform):
    assert batch(platform, *MIXED).json["created"] == 4

    again = batch(platform, *reversed(MIXED)).json

    assert again == {"created": 0, "updated": 0, "unchanged": 4, "refused": 0, "errors": []}


def test_a_batch_is_taken_whole_or_not_at_all(platform):
    wrong = {"kind": "customer", "external_id": "eve", "name": "Eve", "emial": "typo"}

    refused = batch(platform, *MIXED, wrong, status=422)

    assert [(e["line"], e["pointer"]) for e in refused.json["errors"]] == [(5, "/emial")]
    platform.call("GET", "customers/bob", status=404)
    platform.call("GET", "charges/tin", status=404)


def test_a_partial_batch_takes_what_is_right_and_says_what_is_not(platform):
    lost = {"kind": "refund", "external_id": "r", "amount": "1.00", **HEAD}
    raw = b"\n".join(
        [b'{"kind": "customer"', *(json.dumps({"version": 1} | r).encode() for r in (*MIXED, lost)), b""]
    )

    result = platform.call("POST", "batches?partial=true", raw, 200).json

    assert (result["created"], result["refused"]) == (4, 2)
    assert [(e["line"], e["pointer"]) for e in result["errors"]] == [(1, ""), (6, "/customer")]
    platform.call("GET", "invoices/i", status=200)
    platform.call("GET", "refunds/r", status=404)


def test_what_a_refused_line_would_have_made_is_missing_to_the_lines_that_name_it(platform):
    result = batch(platform, *MIXED[:3], MIXED[3] | {"name": ""}, partial=True).json

    assert (result["created"], result["refused"]) == (1, 3)
    assert {(e["line"], e["pointer"]) for e in result["errors"]} >= {(2, "/customer"), (4, "/name")}


def test_a_record_that_comes_twice_in_a_batch_is_taken_twice(platform, tenant):
    one = {"kind": "customer", "external_id": "bob", "name": "Bob"}

    result = batch(platform, one, one, one | {"version": 2, "name": "Bobby"}).json

    assert result == {"created": 1, "updated": 1, "unchanged": 1, "refused": 0, "errors": []}
    assert platform.call("GET", "customers/bob").json["name"] == "Bobby"


def test_two_bodies_of_one_version_in_a_batch_are_a_conflict(platform):
    one = {"kind": "customer", "external_id": "bob", "name": "Bob"}

    refused = batch(platform, one, one | {"name": "Rob"}, status=422)

    assert [(e["line"], e["pointer"]) for e in refused.json["errors"]] == [(2, "/version")]


@pytest.mark.parametrize(
    "line, pointer",
    [
        (b"{", ""),
        (b"[]", ""),
        (b"7", ""),
        (b"null", ""),
        (b'"text"', ""),
        (b"\xff\xfe", ""),
        (b"[" * 200_000, ""),
        (b'{"a":' * 900 + b"1" + b"}" * 900, ""),
        (b"9" * 5000, ""),
        (b"{}", "/kind"),
        (b'{"kind": "customer", "version": 1, "name": "X"}', "/external_id"),
        (b'{"kind": "customer", "external_id": 7, "version": 1, "name": "X"}', "/external_id"),
        (b'{"kind": "customer", "external_id": "", "version": 1, "name": "X"}', "/external_id"),
        (b'{"kind": "customer", "external_id": "\\u0000", "version": 1, "name": "X"}', "/external_id"),
        (b'{"kind": "customer", "external_id": "\\ud800", "version": 1, "name": "X"}', "/external_id"),
        (b'{"kind": "martian", "external_id": "m"}', "/kind"),
        (b'{"kind": ["customer"], "external_id": "m"}', "/kind"),
        (b'{"kind": "ID", "external_id": "m"}', "/kind"),
    ],
)
def test_a_line_that_is_no_record_is_told_by_its_number(platform, line, pointer):
    refused = platform.call("POST", "batches", b"\n\n" + line + b"\n", 422)

    assert (3, pointer) in [(error["line"], error["pointer"]) for error in refused.json["errors"]]


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"  \r\n"])
def test_an_empty_batch_is_refused(platform, raw):
    platform.call("POST", "batches", raw, 422)


def test_partial_is_true_or_false(platform):
    assert pointers(platform.call("POST", "batches?partial=maybe", b"{}", 422)) == ["/partial"]


def test_a_batch_of_too_many_lines_is_turned_away_at_once(platform):
    began = time.monotonic()

    refused = platform.call("POST", "batches", b"{}\n" * 10_001, 413)

    assert "10,000" in refused.json["detail"]
    assert time.monotonic() - began < 5


def test_a_batch_may_refer_to_more_records_than_a_statement_has_parameters(stocked):
    many = [
        {"kind": "invoice", "external_id": f"n{n}", "number": "1", **HEAD}
        | {"lines": [{"charge": f"c{n}-{line}", "amount": "1.00"} for line in range(1000)]}
        for n in range(70)
    ]

    assert batch(stocked, *many, partial=True).json["refused"] == 70


def test_the_statements_of_a_batch_do_not_grow_with_it(stocked, app):
    def invoices(first, number):
        return [
            {"kind": "invoice", "external_id": f"n{n}", "number": f"{n}", "lines": [LINE], **HEAD}
            for n in range(first, first + number)
        ]

    batch(stocked, *invoices(0, 1))
    with counted(app) as ten:
        batch(stocked, *invoices(1, 10))
    with counted(app) as many:
        batch(stocked, *invoices(11, 300))

    assert len(many) <= len(ten) + 3, many
    assert len(ten) < 40


def test_a_push_that_changes_nothing_is_cheap(stocked, app):
    put(stocked, "invoices", "i", 201, number="1", lines=[LINE], **HEAD)

    with counted(app) as statements:
        put(stocked, "invoices", "i", 200, number="1", lines=[LINE], **HEAD)

    assert len(statements) <= 15, statements


def test_a_page_of_records_is_read_with_a_constant_number_of_statements(stocked, app):
    many = [
        {"kind": "invoice", "external_id": f"n{n}", "number": f"{n}", "lines": [LINE], **HEAD}
        for n in range(30)
    ]
    batch(stocked, *many)

    with counted(app) as short:
        stocked.call("GET", "invoices?limit=2")
    with counted(app) as long:
        stocked.call("GET", "invoices?limit=30")

    assert len(long) == len(short)


@contextmanager
def counted(app):
    """Collect the statements that the application runs in the block."""
    engine = app.registry["session_factory"].kw["bind"]
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


# A clumsy platform


def invoice(**changes):
    return {"number": "1", "lines": [LINE], **HEAD} | changes


def line(**changes):
    return invoice(lines=[LINE | changes])


@pytest.mark.parametrize(
    "kind, body, pointer",
    [
        ("invoices", line(amount=12.5), "/lines/0/amount"),
        ("invoices", line(amount=12), "/lines/0/amount"),
        ("invoices", line(amount="12.5"), "/lines/0/amount"),
        ("invoices", line(amount="12,50"), "/lines/0/amount"),
        ("invoices", line(amount="1e3"), "/lines/0/amount"),
        ("invoices", line(amount="NaN"), "/lines/0/amount"),
        ("invoices", line(amount="12.50\n"), "/lines/0/amount"),
        ("invoices", line(amount="١٢.٥٠"), "/lines/0/amount"),
        ("invoices", line(amount="99999999999999.00"), "/lines/0/amount"),
        ("invoices", line(amount=None), "/lines/0/amount"),
        ("invoices", line(amount="-0.01"), "/lines"),
        ("invoices", invoice(lines=[LINE | {"amount": "9999999999999.99"}] * 2), "/lines"),
        ("invoices", line(quantity=2.5), "/lines/0/quantity"),
        ("invoices", line(quantity="1.000001"), "/lines/0/quantity"),
        ("invoices", line(qty="1"), "/lines/0/qty"),
        ("invoices", line(charge="lead"), "/lines/0/charge"),
        ("invoices", invoice(taxes=[{"code": "NY", "amount": "1.00", "rate": "1e9"}]), "/taxes/0/rate"),
        ("invoices", invoice(lines=[]), "/lines"),
        ("invoices", invoice(lines=[LINE] * 1001), "/lines"),
        ("invoices", invoice(lines={}), "/lines"),
        ("invoices", invoice(date="2026-02-31"), "/date"),
        ("invoices", invoice(date="0000-01-01"), "/date"),
        ("invoices", invoice(date="31.01.2026"), "/date"),
        ("invoices", invoice(date="2026-W05-1"), "/date"),
        ("invoices", invoice(date="2026-01-31T00:00:00Z"), "/date"),
        ("invoices", invoice(date=20260131), "/date"),
        ("invoices", invoice(due_date="0000-01-01"), "/due_date"),
        ("invoices", invoice(customer="nobody"), "/customer"),
        ("invoices", invoice(billing_cycle="never"), "/billing_cycle"),
        ("invoices", invoice(currency="usd"), "/currency"),
        ("invoices", invoice(currency="US$"), "/currency"),
        ("invoices", invoice(currency="DOLLAR"), "/currency"),
        ("invoices", invoice(status="paid"), "/status"),
        ("invoices", invoice(number=7), "/number"),
        ("invoices", invoice(number=" "), "/number"),
        ("invoices", invoice(number="\x85"), "/number"),
        ("invoices", invoice(memo="x" * 4001), "/memo"),
        ("invoices", invoice(memo="a\0b"), "/memo"),
        ("invoices", invoice(memo="\ud800"), "/memo"),
        ("invoices", invoice(memo="\x1f"), "/memo"),
        ("invoices", invoice(**{"a/b~c": 1}), "/a~1b~0c"),
        ("invoices", invoice(**{"\ud800": 1}), None),
        ("invoices", invoice(**{"\0": 1}), None),
        ("invoices", invoice(version=0), "/version"),
        ("invoices", invoice(version="1"), "/version"),
        ("invoices", invoice(version=True), "/version"),
        ("invoices", invoice(version=1.5), "/version"),
        ("invoices", invoice(version=2**53), "/version"),
        ("invoices", invoice(version=10**400), "/version"),
        ("invoices", invoice(version=None), "/version"),
        ("customers", {"name": "x" * 201}, "/name"),
        ("customers", {}, "/name"),
        ("customers", {"name": "A", "bill_address": {"street": "x"}}, "/bill_address/street"),
        ("customers", {"name": "A", "bill_address": "Main St"}, "/bill_address"),
        ("charges", {"name": "A", "price": 9.99}, "/price"),
        ("charges", {"name": "A", "taxable": "yes"}, "/taxable"),
        ("billing-cycles", {"name": "A", "starts": "2026-05-02", "ends": "2026-05-01"}, "/ends"),
        ("billing-cycles", {"name": "A", "starts": "0000-05-02", "ends": "2026-05-01"}, "/starts"),
        ("payments", HEAD | {"amount": "-5.00"}, "/amount"),
        ("payments", HEAD | {"amount": "0.00"}, "/amount"),
        ("refunds", HEAD | {"amount": "-5.00"}, "/amount"),
        ("refunds", HEAD | {"amount": "1.00", "credit_memo": "none"}, "/credit_memo"),
        (
            "payments",
            HEAD | {"amount": "5.00", "applied": [{"invoice": "none", "amount": "5.00"}]},
            "/applied/0/invoice",
        ),
        (
            "payments",
            HEAD | {"amount": "5.00", "applied": [{"invoice": "i", "amount": "5.01"}]},
            "/applied",
        ),
        (
            "payments",
            HEAD | {"amount": "5.00", "applied": [{"invoice": "i", "amount": "1.00"}] * 2},
            "/applied/1/invoice",
        ),
        (
            "credit-memos",
            invoice(applied=[{"invoice": "i", "amount": "100.01"}]),
            "/applied",
        ),
    ],
)
def test_a_fault_is_told_by_its_pointer(stocked, tenant, kind, body, pointer):
    refused = put(stocked, kind, "x", 422, **body)

    assert pointer is None or pointer in pointers(refused)
    assert all(error["detail"] for error in refused.json["errors"])
    stocked.call("GET", f"{kind}/x", status=404)


@pytest.mark.parametrize("rate", ["9999999999.99999", "-9999999999.99999"])
def test_the_largest_numbers_the_contract_allows_can_be_kept(stocked, rate):
    body = invoice(
        lines=[LINE | {"quantity": rate, "rate": rate, "amount": "9999999999999.99"}],
        taxes=[{"code": "NY", "rate": rate, "amount": "-9999999999999.99"}],
    )

    put(stocked, "invoices", "x", 201, **body)

    shown = stocked.call("GET", "invoices/x").json
    assert shown["lines"] == body["lines"]
    assert shown["taxes"] == body["taxes"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2024-02-29"])
def test_any_day_there_is_can_be_kept(stocked, day):
    put(stocked, "invoices", "x", 201, **invoice(date=day))

    assert stocked.call("GET", "invoices/x").json["date"] == day


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"version=1&name=Ada",
        b"<customer/>",
        b'{"version": 1, "name": "Ada"',
        b'{"version": 1, "name": "Ada"} {}',
        b"\xff\xfe\xfa",
        b'{"version": 1, "name": "\xed\xa0\x80"}',
        b'{"version": NaN, "name": "Ada"}',
        b'{"version": 1, "name": Infinity}',
        b'{"version": -Infinity, "name": "Ada"}',
        b'{"version": 1e400, "name": "Ada"}',
        b'{"version": ' + b"9" * 5000 + b', "name": "Ada"}',
        b'{"version": 1, "name": "Ada", "name": "Eve"}',
        b'{"version": 1, "name": "Ada", "bill_address": {"city": "A", "city": "B"}}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"version": 1, "name": ' + b'{"a":' * 950 + b"1" + b"}" * 951,
        b"[]",
        b"null",
        b"1",
        b'"Ada"',
    ],
)
def test_what_is_no_record_is_refused_in_the_apis_own_form(platform, raw):
    refused = platform.call("PUT", "customers/x", raw, 422)

    assert refused.json["errors"]
    platform.call("GET", "customers/x", status=404)


def test_a_field_that_stands_twice_is_named(platform):
    refused = platform.call("PUT", "customers/x", b'{"version": 1, "name": "A", "name": "B"}', 422)

    assert "“name”" in refused.json["errors"][0]["detail"]


def test_a_body_that_is_too_large_is_turned_away_at_once(platform):
    began = time.monotonic()

    platform.call("PUT", "customers/x", b"x" * 40 * MEGABYTE, 413)
    platform.call("POST", "batches", b"x" * 40 * MEGABYTE, 413)

    assert time.monotonic() - began < 5


def test_a_body_need_not_say_what_it_is(platform):
    for kind in ("", "text/plain", "image/png", "multipart/form-data", "nonsense"):
        body = b'{"version": 1, "name": "Ada"}'
        platform.call("PUT", "customers/x", body, headers={"Content-Type": kind})
    platform.call("GET", "customers/x", status=200)


@pytest.mark.parametrize(
    "external_id", ["a b", "é", "a.b", "..", "%C3%A9", "a?b=c#d", "'; --", "x" * 100]
)
def test_an_external_id_may_hold_anything_but_a_slash(platform, external_id):
    quoted = "".join(f"%{byte:02X}" for byte in external_id.encode())

    assert put(platform, "customers", quoted, 201, name="X").json["external_id"] == external_id
    assert platform.call("GET", f"customers/{quoted}", status=200).json["external_id"] == external_id


@pytest.mark.parametrize("quoted", ["%00", "%1F", "x" * 101, "%ED%A0%80"])
def test_an_external_id_that_cannot_be_is_refused(platform, quoted):
    response = platform.call("PUT", f"customers/{quoted}", b'{"version": 1, "name": "X"}')

    assert response.status_int in (400, 422)


@pytest.mark.parametrize(
    "method, address",
    [
        ("GET", "martians"),
        ("GET", "customer"),
        ("GET", "customers/"),
        ("GET", "customers/a/b/c"),
        ("GET", "martians/x"),
        ("PUT", "martians/x"),
        ("GET", "invoices/none"),
        ("DELETE", "customers/ada"),
        ("PATCH", "customers/ada"),
        ("POST", "customers/ada"),
        ("POST", "customers"),
        ("PUT", "batches"),
        ("GET", "batches"),
        ("GET", "billing-cycles/may/close"),
        ("POST", "invoices/may/close"),
        ("OPTIONS", "customers"),
        ("GET", ""),
    ],
)
def test_what_is_not_there_is_not_found(stocked, method, address):
    stocked.call(method, address, status=404)


@pytest.mark.parametrize("address", ["customers/%FF", "%FF", "customers?limit=%FF"])
def test_an_address_that_is_no_text_is_refused(platform, address):
    platform.call("GET", address, status=400)


def test_a_head_is_a_get_without_its_body(stocked):
    for address in ("customers", "customers/ada", "accounts"):
        response = stocked.call("HEAD", address, status=200)
        assert response.body == b""
        assert response.content_type == "application/json"


# A hostile platform


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer hub_wrong",
        "Bearer é",
        "Bearer a b",
        "Basic aHViOmh1Yg==",
        "Bearer " + "x" * 100_000,
        "{token}",
        "Bearer {token}x",
    ],
)
def test_without_a_token_in_force_nothing_is_told(testapp, tenant, header):
    stranger = Platform(testapp)
    header = header.format(token=tenant.token)
    headers = {"Authorization": header} if header else {}

    for method, address in (
        ("GET", "customers"),
        ("PUT", "customers/x"),
        ("POST", "batches"),
        ("GET", "martians"),
        ("DELETE", "nowhere/at/all"),
        ("OPTIONS", "customers"),
    ):
        response = stranger.call(method, address, b"x" * 100, 401, headers)
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_word_bearer_may_be_written_in_any_case(testapp, tenant):
    headers = {"Authorization": f"bearer  {tenant.token} "}

    Platform(testapp).call("GET", "customers", status=200, headers=headers)


def test_a_revoked_token_opens_nothing_any_more(platform, tenant):
    platform.call("GET", "customers", status=200)
    with tenant.db() as db:
        room = StaffRoom(db, open_tenant(db, tenant.slug), "test")
        room.revoke(room.tokens()[0].id)

    platform.call("GET", "customers", status=401)


def test_a_cookie_is_no_token(testapp):
    Platform(testapp).call("GET", "customers", status=401, headers={"Cookie": "hub=forged"})


@pytest.mark.parametrize("bodies, others", [("the same", 200), ("different", 409)])
def test_of_those_who_push_the_same_new_record_at_once_one_makes_it(app, tenant, bodies, others):
    start = threading.Barrier(4)

    def push(number):
        platform = Platform(TestApp(app), tenant.token)
        name = "Ada" if bodies == "the same" else f"Ada {number}"
        start.wait()
        return put(platform, "customers", "c", expect=ANY, name=name).status_int

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(push, range(4)))

    assert statuses == sorted([201, *[others] * 3])
    assert len(rows_of(tenant, Customer)) == 1


def test_two_batches_with_the_same_records_in_opposite_order_both_end_well(app, tenant):
    records = [{"kind": "customer", "external_id": f"c{n}", "name": f"C {n}"} for n in range(50)]
    start = threading.Barrier(2)

    def push(version):
        platform = Platform(TestApp(app), tenant.token)
        lines = [record | {"version": version} for record in records[:: 1 if version == 2 else -1]]
        start.wait()
        return [batch(platform, *lines, partial=True).status_int for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(push, (2, 3))) == [[200] * 5] * 2
    assert {customer.version for customer in rows_of(tenant, Customer)} == {3}


def test_an_invoice_that_changes_from_two_sides_at_once_still_posts_to_zero(app, tenant, stocked):
    put(stocked, "invoices", "i", 201, **invoice())
    start = threading.Barrier(2)

    def push(version):
        platform = Platform(TestApp(app), tenant.token)
        start.wait()
        body = line(amount=f"{version}.00")
        return put(platform, "invoices", "i", expect=ANY, version=version, **body).status_int

    with ThreadPoolExecutor(2) as pool:
        statuses = set(pool.map(push, (2, 3)))

    assert statuses in ({200}, {200, 409})
    posted = postings(tenant, "invoice", "i")
    assert sum(amount for _, purpose, amount in posted if purpose == "receivable") == 3
    assert sum(amount for _, _, amount in posted) == 0


def rows_of(tenant, model):
    with tenant.db() as db:
        db.enter(tenant.id)
        rows = db.scalars(select(model)).all()
        db.expunge_all()
        return rows


def test_a_whole_quantity_may_be_a_json_integer(full):
    full.put("customers", "c", name="Ada")
    full.put("charges", "g", name="Gold")
    head = {"number": "1", "customer": "c", "date": "2026-05-01"}
    for quantity in (2, "2", 2.0):
        line = {"charge": "g", "quantity": quantity, "amount": "10.00"}
        full.put("invoices", "i", lines=[line], **head)
    assert full.get("invoices/i").json["lines"][0]["quantity"] == "2"
    line = {"charge": "g", "quantity": 1.5, "amount": "10.00"}
    refused = full.put("invoices", "j", expect=422, lines=[line], **head)
    assert refused.json["errors"][0]["pointer"] == "/lines/0/quantity"
