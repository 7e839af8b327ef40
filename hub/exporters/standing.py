"""Where customers stand who are not linked yet: found, proposed, missing, or with a name in the way."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.currencies import currencies
from hub.books.customer_choice import choices
from hub.books.matching import Mark, Match, Wanted, find, held_names
from hub.books.models import Connection
from hub.exporters import names
from hub.exporters.jobs import Above, parents_of, places
from hub.exporters.parents import Parents
from hub.ledger.models import Customer
from hub.qbwc.letters import storable
from hub.tenants.full_policy import Clash, FullPolicy, Hierarchy, LinkMatches, Missing, Unfit

PAGE = "Customer matches"
"""The page on which a person decides."""
SURE = (Mark.ACCOUNT_NUMBER, Mark.NAME)


class Stand(enum.StrEnum):
    """What is to become of a customer who is not linked yet."""

    LINK = "link"
    """It is QuickBooks' own, and is linked without asking."""
    ADD = "add"
    PROPOSED = "proposed"
    """It may be QuickBooks' own: a person says so."""
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    """QuickBooks does not have it, and a person says whether it is added."""
    NAME = "name"
    """It cannot be added under this name."""


@dataclass(frozen=True)
class Standing:
    """Where one customer stands."""

    stand: Stand
    match: Match
    name: str
    """What it is called in QuickBooks, or would be; below its parent where it is a job."""
    sentence: str = ""
    """Why it waits for a person."""
    chosen: bool = False
    """A person has said that it is to be added, under this name."""
    above: Above | None = None
    """What it is a job of."""

    @property
    def obstacle(self) -> Objection | None:
        """Why it cannot be added yet, although nobody is asked."""
        return self.above.obstacle if self.above else None


def marks(policy: FullPolicy) -> list[Mark]:
    """Return by what the tenant wants customers to be found."""
    wanted = {
        Mark.ACCOUNT_NUMBER: policy.by_account_number,
        Mark.EMAIL: policy.by_email,
        Mark.COMPANY: policy.by_company,
        Mark.NAME: policy.by_name,
    }
    return [mark for mark, is_wanted in wanted.items() if is_wanted]


class Standings:
    """Where some customers stand, looked up in a few statements. ``parents`` has those of customers that
    are jobs, where they were fetched already."""

    def __init__(
        self,
        db: Session,
        connection: Connection,
        policy: FullPolicy,
        parents: Parents | None = None,
    ):
        self._parents = parents
        self._above: Mapping[int, Above] = {}
        self._db = db
        self._connection = connection
        self._policy = policy
        self._currencies = currencies(db, connection)
        self._used: set[str] = set()
        self._held: set[str] = set()

    def of(self, customers: Sequence[Customer]) -> Mapping[int, Standing]:
        """Return where each of ``customers`` stands, none of whom is linked, by id."""
        if not customers:
            return {}
        chosen = choices(self._db, self._connection, [one.id for one in customers])
        called = {
            one.id: storable(chosen.get(one.id) or names.by_rule(one, self._policy.name_rule))
            for one in customers
        }
        self._above = self._places(customers)
        wanted = [self._wanted(one, called[one.id], one.id in chosen) for one in customers]
        found = find(self._db, self._connection, wanted, marks(self._policy))
        stood = {
            one.id: self._stand(one, called[one.id], found[one.id], one.id in chosen)
            for one in customers
        }
        self._look_up_names(stood)
        # What was chosen is nobody else's to make up.
        ordered = sorted(customers, key=lambda one: one.id not in chosen)
        return {one.id: self._named(one, stood[one.id]) for one in ordered}

    def _places(self, customers: Sequence[Customer]) -> Mapping[int, Above]:
        jobs = [one for one in customers if one.parent_id is not None]
        if not jobs or self._policy.hierarchy is not Hierarchy.JOBS:
            return {}
        parents = self._parents or parents_of(self._db, self._connection, jobs)
        return places(self._db, self._connection, jobs, parents)

    def full_name(self, customer_id: int, name: str) -> str:
        """Return the full name of a customer called ``name``; empty where what it is a job of is not
        there yet."""
        above = self._above.get(customer_id)
        return above.path(name) if above else name

    def _wanted(self, customer: Customer, name: str, chosen: bool) -> Wanted:
        path = self.full_name(customer.id, name)
        if chosen:
            return Wanted(customer.id, path)
        return Wanted(
            customer.id,
            path,
            (customer.account_number or "").strip(),
            (customer.email or "").strip(),
            (customer.company or "").strip(),
            self._currencies.get(customer.currency, ""),
        )

    def _stand(self, customer: Customer, name: str, match: Match, chosen: bool) -> Standing:
        above = self._above.get(customer.id)
        standing = Standing(Stand.ADD, match, name, chosen=chosen, above=above)
        if chosen:
            return standing
        if match.only:
            return self._found(standing)
        if match.candidates and match.mark:
            return replace(standing, stand=Stand.AMBIGUOUS, sentence=_ambiguous(match))
        if self._policy.customer_missing is Missing.CREATE:
            return standing
        return replace(standing, stand=Stand.MISSING, sentence=self._missing())

    def _found(self, standing: Standing) -> Standing:
        match, wish = standing.match, self._policy.link_matches
        if wish is LinkMatches.ALL or (wish is LinkMatches.SURE and match.mark in SURE):
            return replace(standing, stand=Stand.LINK)
        assert match.only
        assert match.mark
        sentence = (
            f"It may be QuickBooks' customer “{match.only.full_name}”, who has the same "
            f"{match.mark.label}. Link it or create a new one on the page {PAGE}."
        )
        return replace(standing, stand=Stand.PROPOSED, sentence=sentence)

    def _missing(self) -> str:
        if self._connection.imported is None:
            return "QuickBooks' customers have not been imported yet; they come with the first run."
        if self._policy.customer_missing is Missing.ASK:
            return f"QuickBooks does not have this customer. Create it on the page {PAGE}."
        return (
            "QuickBooks does not have this customer, and new ones are entered there by hand. "
            "The hub looks for it once a day; press Try again for the next run to find it."
        )

    def _look_up_names(self, stood: Mapping[int, Standing]) -> None:
        """Find out which of the names that may be made up are somebody's already."""
        added = {id_: one for id_, one in stood.items() if one.stand is Stand.ADD}
        often = Counter(self._key(id_, one.name) for id_, one in added.items())
        made_up = [
            self.full_name(id_, name)
            for id_, one in added.items()
            if one.match.holder or names.objection(one.name) or often[self._key(id_, one.name)] > 1
            for name in (names.shortened(one.name, id_), *names.variants(one.name, id_))
        ]
        self._held = held_names(self._db, self._connection, made_up) if made_up else set()

    def _named(self, customer: Customer, standing: Standing) -> Standing:
        """Settle what is to be added on a name that QuickBooks takes."""
        if standing.stand is not Stand.ADD:
            return standing
        name = standing.name
        if objection := names.objection(name):
            if self._policy.name_unfit is Unfit.ASK:
                sentence = f"{objection} Shorten it, or save it as another on the page {PAGE}."
                return replace(standing, stand=Stand.NAME, sentence=sentence)
            name = names.shortened(name, customer.id)
        if standing.obstacle:
            return replace(standing, name=name)
        key = self._key(customer.id, name)
        is_held = key in self._held or (standing.match.holder and name == standing.name)
        if is_held or key in self._used:
            if self._policy.name_clash is Clash.ASK:
                sentence = self._in_use(standing)
                return replace(standing, stand=Stand.NAME, sentence=sentence)
            name = self._variant(name, customer.id)
        self._used.add(self._key(customer.id, name))
        return replace(standing, name=name)

    def proposal(self, customer: Customer, standing: Standing) -> str:
        """Return a name that QuickBooks would take, for a person to look at."""
        name = standing.name
        if names.objection(name):
            name = names.shortened(name, customer.id)
        if standing.stand is Stand.NAME and name == standing.name:
            name = self._variant(name, customer.id)
        return name

    def _key(self, customer_id: int, name: str) -> str:
        """Return by what a name is told from others: a job's is its own among its customer's jobs alone."""
        return self.full_name(customer_id, name).lower()

    def _variant(self, name: str, customer_id: int) -> str:
        variants = names.variants(name, customer_id)
        return next(
            (one for one in variants if self._key(customer_id, one) not in self._held | self._used),
            names.shortened(name, customer_id),
        )

    @staticmethod
    def _in_use(standing: Standing) -> str:
        holder = standing.match.holder
        if holder is None or holder.is_linked:
            called = holder.full_name if holder else standing.name
            return (
                f"QuickBooks' customer “{called}” belongs to another customer of yours already. "
                f"Give one of the two another name, or save it as another on the page {PAGE}."
            )
        state = "" if holder.active else ", which is inactive"
        return (
            f"The name “{holder.full_name}” is already used in QuickBooks by "
            f"{_ARTICLES[holder.kind]}{state}. Save it as another on the page {PAGE}."
        )


def _ambiguous(match: Match) -> str:
    mark = match.mark.label if match.mark else ""
    if match.rivals:
        return (
            f"It and {match.rivals} more of your customers have the {mark} of QuickBooks' customer "
            f"“{match.candidates[0].full_name}”. Choose on the page {PAGE}."
        )
    return f"QuickBooks has {match.many} customers of the same {mark}. Choose one on the page {PAGE}."


_ARTICLES = {
    "customer": "a customer",
    "vendor": "a vendor",
    "employee": "an employee",
    "other_name": "another name",
}
