"""The billing platform of one tenant: records, changes and voids, each of them sane.

What it pushes can always be booked in the end: no payment is larger than what is due, what is
paid is voided after its payments, and no record refers to a void one.
"""

from __future__ import annotations

PLURAL = {
    "invoice": "invoices",
    "payment": "payments",
    "credit_memo": "credit-memos",
    "refund": "refunds",
}
CODES = (("4010", "Subscription"), ("Sales:Usage", "Usage"), ("4040", "Support"))
CUSTOMERS = 3


class Platform:
    """Pushes records of ``tenant``, whose names all carry the tenant's."""

    def __init__(self, tenant):
        self._tenant = tenant
        self._records = {kind: {} for kind in PLURAL}
        self._versions = {}
        for cycle, month in (("may", 5), ("june", 6)):
            span = {"starts": f"2026-0{month}-01", "ends": f"2026-0{month}-28"}
            tenant.put("billing-cycles", cycle, name=f"{tenant.slug} {cycle}", **span)
        for which in range(2):
            self.map(which, which)

    def _push(self, kind, external_id, **body):
        version = self._versions[kind, external_id] = self._versions.get((kind, external_id), 0) + 1
        self._tenant.put(PLURAL.get(kind, f"{kind}s"), external_id, version=version, **body)

    def _keep(self, kind, external_id, body):
        self._push(kind, external_id, **body)
        self._records[kind][external_id] = body

    def _open(self, kind):
        return [name for name, body in self._records[kind].items() if body["status"] == "open"]

    def _customer(self, which):
        name = f"c{which % CUSTOMERS}"
        if ("customer", name) not in self._versions:
            self._push("customer", name, name=f"{self._tenant.slug} {name}")
        return name

    def _new(self, kind):
        return f"{kind[0]}{len(self._records[kind])}"

    def _document(self, number, which, cents):
        lines = [{"charge": f"g{which % 2}", "amount": _amount(cents)}]
        if which % 3 == 0:
            lines.append({"charge": "g1", "amount": "7.77"})
        body = {"number": number, "customer": self._customer(which), "lines": lines, "status": "open"}
        body["date"] = f"2026-0{5 + which % 2}-{1 + which % 9:02}"
        return body | ({"billing_cycle": ("may", "june")[which % 2]} if which % 5 else {})

    def _due(self, invoice):
        due = sum(_cents(line["amount"]) for line in self._records["invoice"][invoice]["lines"])
        return due - sum(
            _cents(self._records["payment"][one]["amount"])
            for one in self._open("payment")
            if self._records["payment"][one]["applied"][0]["invoice"] == invoice
        )

    def make(self, changes):
        """Make changes, each a name and its two numbers."""
        for change, *values in changes:
            getattr(self, change)(*values)

    # what may be done; ``which`` chooses, ``cents`` is an amount

    def map(self, which, cents):
        """Map a charge to another place."""
        code, item = CODES[cents % len(CODES)]
        name = f"g{which % 2}"
        self._push("charge", name, name=f"{self._tenant.slug} {name}", accounting_code=code, item=item)

    def bill(self, which, cents):
        name = self._new("invoice")
        self._keep("invoice", name, self._document(name.upper(), which, cents))

    def change(self, which, cents):
        """Change an invoice; one that is paid in part only grows."""
        if opened := self._open("invoice"):
            name = opened[which % len(opened)]
            body = self._records["invoice"][name]
            total = sum(_cents(line["amount"]) for line in body["lines"])
            lines = [{"charge": f"g{cents % 2}", "amount": _amount(total - self._due(name) + cents)}]
            self._keep("invoice", name, body | {"lines": lines})

    def void(self, which, cents):
        """Void an invoice, its payments first."""
        if opened := self._open("invoice"):
            name = opened[which % len(opened)]
            for payment in self._open("payment"):
                body = self._records["payment"][payment]
                if body["applied"][0]["invoice"] == name:
                    self._keep("payment", payment, body | {"status": "void"})
            self._keep("invoice", name, self._records["invoice"][name] | {"status": "void"})

    def pay(self, which, cents):
        unpaid = [name for name in self._open("invoice") if self._due(name) > 0]
        if unpaid:
            invoice = unpaid[which % len(unpaid)]
            self._keep("payment", self._new("payment"), self._payment(invoice, which, cents))

    def _payment(self, invoice, which, cents):
        amount = _amount(min(cents, self._due(invoice)))
        return {
            "customer": self._records["invoice"][invoice]["customer"],
            "date": f"2026-0{5 + which % 2}-1{which % 9}",
            "amount": amount,
            "status": "open",
            "applied": [{"invoice": invoice, "amount": amount}],
        }

    def pay_otherwise(self, which, cents):
        """Change the amount of a payment."""
        if opened := self._open("payment"):
            name = opened[which % len(opened)]
            body = self._records["payment"][name]
            self._records["payment"][name] = body | {"status": "void"}
            self._keep("payment", name, self._payment(body["applied"][0]["invoice"], which, cents))

    def bounce(self, which, cents):
        """Void a payment."""
        if opened := self._open("payment"):
            name = opened[which % len(opened)]
            self._keep("payment", name, self._records["payment"][name] | {"status": "void"})

    def credit(self, which, cents):
        name = self._new("credit_memo")
        self._keep("credit_memo", name, self._document(name.upper(), which, cents))

    def refund(self, which, cents):
        """Pay back a credit memo, or some other money."""
        memos = {body.get("credit_memo") for body in self._records["refund"].values()}
        free = [name for name in self._open("credit_memo") if name not in memos]
        body = {"customer": self._customer(which), "amount": _amount(cents), "status": "open"}
        body["date"] = f"2026-0{5 + which % 2}-2{which % 9}"
        if free and which % 2:
            memo = self._records["credit_memo"][free[0]]
            body |= {"credit_memo": free[0], "customer": memo["customer"]}
            body["amount"] = _amount(min(cents, sum(_cents(line["amount"]) for line in memo["lines"])))
        self._keep("refund", self._new("refund"), body)

    def unrefund(self, which, cents):
        """Void a refund."""
        if opened := self._open("refund"):
            name = opened[which % len(opened)]
            self._keep("refund", name, self._records["refund"][name] | {"status": "void"})

    def rename(self, which, cents):
        """Change a customer's phone and name."""
        name = self._customer(which)
        new = f"{self._tenant.slug} {name}{'!' * (cents % 2)}"
        self._push("customer", name, name=new, phone=f"555-{cents:04}")

    def close(self, which, cents):
        self._tenant.close(("may", "june")[which % 2])


CHANGES = (
    *("bill", "bill", "pay", "change", "void", "pay_otherwise", "bounce", "close"),
    *("credit", "refund", "unrefund", "rename", "map"),
)
"""What one draws from."""


def _amount(cents):
    return f"{cents // 100}.{cents % 100:02}"


def _cents(amount):
    return int(amount.replace(".", ""))
