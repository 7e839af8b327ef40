"""People at the pages."""

import pytest

from hub.tenants.service import add_support
from tests.visitor import Visitor, addresses


@pytest.fixture
def visitor(app):
    """Somebody who has not signed in."""
    return Visitor(app)


@pytest.fixture
def support(app, world):
    """A browser signed in as the hub's own support staff."""
    login = f"support-{next(addresses)}@hub.example"
    with world.db() as db:
        password = add_support(db, login)
    browser = Visitor(app)
    browser.login = login
    browser.sign_in(login, password)
    return browser


def fill(tenant, closed=False):
    """A customer, a charge, a cycle, an invoice of 54.07 and its payment."""
    tenant.batch(
        [
            ("customer", "c-1", {"name": "Ada Lovelace"}),
            ("charge", "gold", {"name": "Gold plan", "accounting_code": "4010", "item": "Hosting:Pro"}),
            ("billing_cycle", "m", {"name": "October", "starts": "2026-10-01", "ends": "2026-10-31"}),
            (
                "invoice",
                "i-1",
                {
                    "number": "1042",
                    "customer": "c-1",
                    "date": "2026-10-05",
                    "billing_cycle": "m",
                    "lines": [{"charge": "gold", "amount": "49.95", "quantity": "1", "rate": "49.95"}],
                    "taxes": [{"code": "IL", "rate": "8.25", "amount": "4.12"}],
                },
            ),
            (
                "payment",
                "p-1",
                {
                    "customer": "c-1",
                    "date": "2026-10-09",
                    "method": "Check",
                    "reference": "chk-77",
                    "amount": "54.07",
                    "applied": [{"invoice": "i-1", "amount": "54.07"}],
                },
            ),
            (
                "credit_memo",
                "m-1",
                {
                    "number": "CM-1",
                    "customer": "c-1",
                    "date": "2026-10-12",
                    "billing_cycle": "m",
                    "lines": [{"charge": "gold", "amount": "5.00"}],
                },
            ),
            (
                "refund",
                "r-1",
                {
                    "customer": "c-1",
                    "date": "2026-10-14",
                    "method": "Check",
                    "amount": "5.00",
                    "credit_memo": "m-1",
                },
            ),
        ]
    )
    if closed:
        tenant.close("m")


@pytest.fixture
def filled():
    return fill
