"""A bookkeeper's bench: a tenant's documents pushed, and looked up again in the company file."""

from decimal import Decimal

from sqlalchemy import select, update

from hub.books.models import Link
from hub.money import plain
from hub.qbwc.models import Operation
from hub.sandbox import people
from hub.tenants.full_policy import full_policy
from hub.tenants.service import open_tenant

DATE = "2026-05-03"


class Bench:
    """One tenant in full mode with a customer, Ada, and a charge, Gold."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.versions = {}
        tenant.put("customers", "ada", name="Ada")
        tenant.put("charges", "gold", name="Gold", item="Subscription")
        tenant.put("charges", "usage", name="Usage", item="Usage")

    def _put(self, kind, external_id, body):
        version = self.versions[external_id] = self.versions.get(external_id, 0) + 1
        self.tenant.put(kind, external_id, version=version, **body)

    def invoice(self, number, *amounts, charge="gold", **more):
        lines = [{"charge": charge, "amount": amount} for amount in amounts]
        body = {"customer": "ada", "date": DATE, "number": number, "lines": lines}
        self._put("invoices", f"i{number}", body | more)

    def credit_memo(self, number, amount, applied=(), **more):
        lines = [{"charge": "gold", "amount": amount}]
        body = {"customer": "ada", "date": DATE, "number": number, "lines": lines}
        self._put("credit-memos", f"c{number}", body | _applied(applied) | more)

    def payment(self, name, amount, applied=(), **more):
        body = {"customer": "ada", "date": DATE, "amount": amount, "reference": name}
        self._put("payments", f"p{name}", body | _applied(applied) | more)

    def refund(self, name, amount, **more):
        body = {"customer": "ada", "date": DATE, "amount": amount, "reference": name}
        self._put("refunds", f"r{name}", body | more)

    def choose(self, **policy):
        """Choose how the tenant wants its records booked."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            found = full_policy(db, lock=True)
            for name, value in policy.items():
                setattr(found, name, value)

    def read_back(self):
        """Let a session read back what changed in QuickBooks."""
        return self.tenant.read_back()

    def do(self, what, kind, number, *arguments, **fields):
        """Let a person do something with a transaction in QuickBooks."""
        with self.tenant.company() as company:
            (found,) = company.transactions.numbered(kind, number, exact=True)
            getattr(people, what)(company, found.id, *arguments, **fields)

    def documents(self, kind="Invoice"):
        """Return number, total and what is open of each document, oldest first."""
        with self.tenant.company() as company:
            return [
                (one.ref_number, _money(one.total), _money(company.transactions.remaining(one)))
                for one in company.transactions.all(kind)
            ]

    def owed(self):
        """Return what Ada owes in QuickBooks."""
        with self.tenant.company() as company:
            customer = company.lists.named("Customer", "Ada")
            return _money(company.transactions.owed_by(customer.id))

    def link(self, subject):
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            found = db.scalars(select(Link).where(Link.subject.startswith(subject))).one()
            db.expunge(found)
            return found

    def notes(self, *states):
        return [note for _, state, note in self.tenant.operations() if state in states]

    def operation(self, kind):
        """Return the id of the newest operation of a kind of record."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            query = select(Operation.id).where(Operation.subject.startswith(kind))
            return db.scalars(query.order_by(Operation.id.desc())).first()

    def make_due(self):
        """Let what waits for another try go at once."""
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            db.execute(update(Operation).values(due=None))


def _applied(pairs):
    rows = [{"invoice": f"i{number}", "amount": amount} for number, amount in pairs]
    return {"applied": rows} if rows else {}


def _money(cents):
    return plain(Decimal(cents).scaleb(-2))
