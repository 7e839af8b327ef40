"""Many entries and transactions at once, as a company file of many years has them.

For benches and for tests of long answers: no message is read and none is answered, so
50,000 customers take about a second.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.transactions import Posting, Transaction

CENTS = 4900


def customers(company: Company, count: int, name: str = "Customer {:06}") -> list[Entry]:
    """Add ``count`` customers, named with their number from 1 on, and return them."""
    names = [name.format(number) for number in range(1, count + 1)]
    entries = [Entry("Customer", "Customer", one, one) for one in names]
    with company.atomic():
        company.lists.add_all(entries)
    return entries


def invoices(
    company: Company, owing: Sequence[Entry], count: int, ref_number: str = "{}"
) -> list[Transaction]:
    """Add ``count`` invoices over one subscription each, to customers in turn, and return them."""
    lists = company.lists
    receivable = lists.special("AccountsReceivable").id
    item = lists.named("Item", "Subscription")
    assert item is not None
    account, code = item.fields["account"], item.fields["code"]
    with company.atomic():
        pairs = []
        for number, line in enumerate(company.new_line_ids(count)):
            invoice = Transaction("Invoice", company.today(), ref_number.format(number + 1))
            invoice.customer, invoice.account = owing[number % len(owing)].id, receivable
            invoice.total = CENTS
            sold = {"id": line, "item": item.id, "desc": "", "class": "", "code": code}
            sold |= {"quantity": "", "rate": "", "amount": CENTS, "account": account, "entity": ""}
            invoice.lines = [sold]
            postings = [Posting(receivable, CENTS, invoice.customer), Posting(account, -CENTS)]
            pairs.append((invoice, postings))
        company.transactions.add_all(pairs)
    return [invoice for invoice, _ in pairs]
