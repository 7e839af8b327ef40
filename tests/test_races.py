"""Two things at once: a record and the close of its cycle, two closes, two pushes, two connectors."""

import time
from concurrent.futures import ThreadPoolExecutor

from hub.ledger.intake import Intake
from hub.qbwc.outbox import Outbox
from hub.tenants.service import open_tenant
from tests.test_holds import HEAD

THREADS = 4


def at_once(*calls):
    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_a_record_that_comes_while_its_cycle_closes_is_booked(summary):
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    for month in range(1, 7):
        at_once(*month_of_calls(summary, month))
    assert summary.sync().ok
    assert summary.proof().difference == 0
    assert summary.proof().waiting == []
    assert summary.sync().nothing_to_do


def month_of_calls(tenant, month):
    cycle = f"c{month}"
    span = {"starts": f"2026-0{month}-01", "ends": f"2026-0{month}-28"}
    tenant.put("billing-cycles", cycle, name=cycle, **span)
    head = {"customer": "ada", "date": f"2026-0{month}-05"}
    invoice = head | {
        "number": cycle,
        "billing_cycle": cycle,
        "lines": [{"charge": "gold", "amount": "9.00"}],
    }
    return (
        lambda: tenant.put("payments", f"p{cycle}", amount="3.00", **head),
        lambda: tenant.close(cycle),
        lambda: tenant.put("invoices", f"i{cycle}", **invoice),
        lambda: tenant.close(cycle),
    )


def test_a_close_waits_for_the_records_that_are_being_taken(summary):
    summary.put("customers", "ada", name="Ada")
    summary.put("billing-cycles", "c", name="May", starts="2026-05-01", ends="2026-05-31")
    with ThreadPoolExecutor(1) as pool:
        with summary.db() as db:
            opened = open_tenant(db, summary.slug)
            intake = Intake(db, opened, Outbox(db, opened))
            intake.take_one("payment", "p", HEAD | {"version": 1, "amount": "3.00"})
            closing = pool.submit(summary.close, "c")
            time.sleep(0.5)
        closing.result()

    assert summary.sync().message == "1 booked. All is well."
    assert summary.proof().difference == 0


def test_many_connectors_of_many_tenants_at_once(world):
    tenants = [world.tenant(mode) for mode in ("full", "summary", "full", "summary")]
    for index, tenant in enumerate(tenants):
        tenant.put("billing-cycles", "c", name="May", starts="2026-05-01", ends="2026-05-31")
        tenant.put("customers", "ada", name="Ada")
        tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
        lines = [{"charge": "gold", "amount": f"{index + 1}.00"}]
        tenant.put("invoices", "i", number="1", lines=lines, billing_cycle="c", **HEAD)
        tenant.close("c")

    outcomes = at_once(*(tenant.sync for tenant in tenants))

    assert all(outcome.ok for outcome in outcomes)
    for index, tenant in enumerate(tenants):
        assert tenant.proof().difference == 0
        assert tenant.balances()["Sales:Subscriptions"] == -(index + 1)
