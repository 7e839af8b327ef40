"""Customers who wait for a person's word whether QuickBooks has them already, and that word.

What is decided for one can be applied to all that wait for the same reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import literal, select, text
from sqlalchemy.orm import Session

from hub.books.customer_choice import choose
from hub.books.links import Adopted, Links
from hub.books.matching import held_names
from hub.books.models import Connection, Link, ListEntry, ListKind
from hub.errors import Fault, Refused
from hub.exporters import names
from hub.exporters.standing import Stand, Standing, Standings
from hub.ledger.models import Customer
from hub.qbwc.letters import storable
from hub.tenants.full_policy import full_policy

MOST = 5000
"""How many customers are looked at in one go."""
PAGE = 25
_WAITS = text(
    "EXISTS (SELECT FROM operation o WHERE o.connection_id = :connection "
    "AND o.subject = 'customer:' || customer.id "
    "AND o.state IN ('queued', 'held', 'failed', 'excluded'))"
)
"""What goes by sums alone waits for nobody's word."""
ASKED = (Stand.PROPOSED, Stand.AMBIGUOUS, Stand.MISSING, Stand.NAME)


@dataclass(frozen=True)
class Row:
    """One customer who waits for a word."""

    customer: Customer
    standing: Standing
    proposal: str
    """A name under which QuickBooks would take it."""
    similar: int
    """How many others wait for the same reason."""


class Matches:
    """The customers of one tenant that are to go to QuickBooks and are not linked to its own yet."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._standings = Standings(db, connection, full_policy(db))

    @cached_property
    def _customers(self) -> Sequence[Customer]:
        subject = literal("customer:").concat(Customer.id)
        linked = select(Link.id).where(
            Link.connection_id == self._connection.id, Link.subject == subject
        )
        query = select(Customer).where(~linked.exists(), _WAITS).order_by(Customer.id).limit(MOST)
        return self._db.scalars(query, {"connection": self._connection.id}).all()

    @cached_property
    def _stood(self) -> Mapping[int, Standing]:
        return self._standings.of(self._customers)

    def counts(self) -> Counter[Stand]:
        """Return how many customers stand where."""
        return Counter(standing.stand for standing in self._stood.values())

    def page(self, stand: Stand | None, after: int) -> tuple[list[Row], int]:
        """Return a page of those who wait, and the position to go on from (0 at the end)."""
        wanted = (stand,) if stand else ASKED
        rest = [one for one in self._customers if self._stood[one.id].stand in wanted and one.id > after]
        reasons = Counter(_reason(standing) for standing in self._stood.values())
        rows = [
            Row(
                one,
                standing := self._stood[one.id],
                self._standings.proposal(one, standing),
                reasons[_reason(standing)] - 1,
            )
            for one in rest[:PAGE]
        ]
        return rows, rest[PAGE - 1].id if len(rest) > PAGE else 0

    def customer(self, customer_id: int) -> Customer:
        """Return one of those who wait.

        :raises Refused: when it has been linked or decided meanwhile.
        """
        found = next((one for one in self._customers if one.id == customer_id), None)
        if found is None or self._stood[found.id].stand not in ASKED:
            raise Refused("This customer does not wait for you any more.")
        return found

    def link(self, customer: Customer, list_id: str, similar: bool) -> list[Customer]:
        """Link ``customer`` to one of QuickBooks' own, and with ``similar`` all for whom just one is
        proposed by the same mark; return those that were linked.

        :raises Refused: when QuickBooks does not have it, or it belongs to another customer.
        """
        linked = [(customer, *self._free(list_id))]
        for one in self._like(customer) if similar else ():
            if only := self._stood[one.id].match.only:
                linked.append((one, only.list_id, only.edit_sequence))
        Links(self._db, self._connection).adopt(
            [
                Adopted(f"customer:{one.id}", "Customer", id_, edit_sequence, one.version)
                for one, id_, edit_sequence in linked
            ]
        )
        return [one for one, _, _ in linked]

    def _free(self, list_id: str) -> tuple[str, str]:
        query = select(ListEntry.edit_sequence).where(
            ListEntry.connection_id == self._connection.id,
            ListEntry.kind == ListKind.CUSTOMER,
            ListEntry.list_id == list_id,
            ListEntry.active,
        )
        edit_sequence = self._db.scalar(query)
        if edit_sequence is None:
            raise _refusal("list_id", "Choose one of QuickBooks' customers.")
        if Links(self._db, self._connection).taken([list_id]):
            raise _refusal("list_id", "That customer belongs to another of yours already.")
        return list_id, edit_sequence

    def create(self, customer: Customer, name: str, similar: bool) -> list[Customer]:
        """Let ``customer`` be added under ``name``, and with ``similar`` all that wait for the same
        reason, each under the name that is proposed for it; return those.

        :raises Refused: when QuickBooks cannot keep the name, or somebody has it.
        """
        name = storable(name)
        if not name:
            raise _refusal("name", "Give the customer a name.")
        if objection := names.objection(name):
            raise _refusal("name", objection)
        path = self._standings.full_name(customer.id, name)
        if held_names(self._db, self._connection, [path]):
            raise _refusal("name", f"The name “{name}” is in use in QuickBooks. Choose another.")
        chosen = {customer.id: name}
        created, paths = [customer], {path.lower()}
        for one in self._like(customer) if similar else ():
            proposal = self._standings.proposal(one, self._stood[one.id])
            path = self._standings.full_name(one.id, proposal).lower()
            if not path or path not in paths:
                chosen[one.id] = proposal
                created.append(one)
                paths.add(path)
        choose(self._db, self._connection, chosen)
        return created

    def found(self, text: str) -> Sequence[ListEntry]:
        """Return QuickBooks' customers whose names hold ``text``, at most twenty."""
        query = select(ListEntry).where(
            ListEntry.connection_id == self._connection.id,
            ListEntry.kind == ListKind.CUSTOMER,
            ListEntry.active,
            ListEntry.full_name.icontains(text, autoescape=True),
        )
        return self._db.scalars(query.order_by(ListEntry.full_name).limit(20)).all()

    def _like(self, customer: Customer) -> list[Customer]:
        reason = _reason(self._stood[customer.id])
        return [
            one
            for one in self._customers
            if one.id != customer.id and _reason(self._stood[one.id]) == reason
        ]


def _reason(standing: Standing) -> tuple[str, ...]:
    if standing.stand is Stand.NAME:
        return standing.stand, "unfit" if names.objection(standing.name) else "in use"
    return standing.stand, standing.match.mark or ""


def _refusal(field: str, sentence: str) -> Refused:
    return Refused(sentence, [Fault(f"/{field}", sentence)])
