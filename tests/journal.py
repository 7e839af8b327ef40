"""A tenant in Summarized Journal Entry Mode as a person who keeps its books sees it, for tests."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from hub.books.models import JournalEntry, JournalEntryLine
from hub.ledger.models import Posting
from hub.qbwc.journal import Journal
from hub.qbwc.outbox import Outbox
from hub.tenants.service import StaffRoom, open_tenant


class Bookkeeper:
    """Acts on one tenant's journal entries, each act in a transaction of its own."""

    def __init__(self, tenant, actor="ada@example.com"):
        self.tenant = tenant
        self.actor = actor

    def do(self, act, *args, **values):
        """Run one of ``Journal``'s acts; return what it returned."""
        with self.tenant.db() as db:
            opened = open_tenant(db, self.tenant.slug)
            journal = Journal(db, Outbox(db, opened), StaffRoom(db, opened, self.actor))
            returned = getattr(journal, act)(*args, **values)
            db.flush()
            for one in list(db):
                db.refresh(one)
            db.expunge_all()
            return returned

    def choose(self, **values):
        """Change the policy."""
        return self.do("change_policy", **values)

    def approve_all(self):
        return self.do("approve", [entry.id for entry in self.entries() if entry.approved is None])

    def entries(self):
        """All journal entries, oldest first."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            found = db.scalars(select(JournalEntry).order_by(JournalEntry.id)).all()
            db.expunge_all()
            return found

    def entry(self, number):
        return next(entry for entry in self.entries() if entry.number == number)

    def drafts(self):
        """Every entry as it will stand, by number."""
        with self.tenant.db() as db:
            opened = open_tenant(db, self.tenant.slug)
            exporter = Journal(db, Outbox(db, opened), StaffRoom(db, opened, "t")).exporter
            entries = db.scalars(select(JournalEntry)).all()
            drafts = exporter.drafts(entries)
            db.expunge_all()
            return {entry.number: drafts[entry.id] for entry in entries}

    def lines(self, number):
        """The lines of an entry as it was sent: account and amount."""
        entry_id = self.entry(number).id
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            found = db.scalars(select(JournalEntryLine).filter_by(journal_entry_id=entry_id)).all()
            return {line.account: line.amount for line in found}

    def all_lines(self):
        """The amounts of every entry's lines as they were sent, by the entry's id."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            found = {}
            for line in db.scalars(select(JournalEntryLine)):
                found.setdefault(line.journal_entry_id, []).append(line.amount)
            return found

    def ripen(self):
        """Time has passed."""
        with self.tenant.db() as db:
            Outbox(db, open_tenant(db, self.tenant.slug)).ripen()

    def postings(self):
        """``(entry's id or None, amount)`` of each posting."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            return [tuple(row) for row in db.execute(select(Posting.journal_entry_id, Posting.amount))]


def cycle(tenant, name="c", starts="2026-05-01", ends="2026-05-31"):
    tenant.put("billing-cycles", name, name=f"Cycle {name}", starts=starts, ends=ends)


def start(tenant):
    """A customer, two charges and a billing cycle."""
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010")
    tenant.put("charges", "use", name="Usage", accounting_code="4020")
    cycle(tenant)


def invoice(tenant, name, amount, date="2026-05-03", version=1, charge="gold", within="c", **more):
    body = {"customer": "ada", "date": date, "number": name, "version": version}
    if within:
        body["billing_cycle"] = within
    lines = [{"charge": charge, "amount": amount}]
    tenant.put("invoices", name, **body, lines=lines, **more)


def pay(tenant, name, amount, date="2026-05-20", version=1, **more):
    tenant.put("payments", name, customer="ada", date=date, amount=amount, version=version, **more)


def keep_euros(tenant):
    """Let the company file keep several currencies, and have an account for what is owed in euros."""
    with tenant.company() as company:
        company.prefer(IsMultiCurrencyOn=True)
        fields = {"AccountType": "AccountsReceivable", "CurrencyRef": "Euro"}
        company.lists.add("Account", "Accounts Receivable - EUR", **fields)


def money(text):
    return Decimal(text)
