"""Summarized Journal Entry mode: few entries, each balanced, each the sum of its postings.

``gathering`` says which entry each posting goes into, ``drafts`` what the entry says,
``corrections`` how one that was booked is changed. This module lets entries go when
their span is over and they are approved, and writes them as requests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, text
from sqlalchemy.orm import Session

from hub.books.chart import PAGE, Chart, Objection, pays_agency
from hub.books.links import STALE, Links
from hub.books.models import (
    Connection,
    Correction,
    JournalEntry,
    JournalEntryLine,
    Link,
    ListEntry,
    ListKind,
    Undoing,
    WantedAccount,
)
from hub.exporters import forms
from hub.exporters.charges import Charges
from hub.exporters.contract import (
    MISSING,
    Errand,
    Held,
    Nothing,
    Outcome,
    Prepared,
    books_closed,
    currency_objection,
    fits,
    guid,
)
from hub.exporters.corrections import Corrections
from hub.exporters.drafts import Draft, Drafts, uses_receivable
from hub.exporters.gathering import Gathering
from hub.exporters.master_customers import MasterCustomers
from hub.ledger.contract import POSTED
from hub.ledger.models import BillingCycle, ChargeKind, Purpose
from hub.money import plain
from hub.tenants.models import Approval, AuditEntry, Closed, LateChange, Policy
from hub.tenants.policies import policy_of

RANK = 70
REPOST_RANK = 71
ACCOUNT_RANK = 5


class SummaryExporter:
    """Writes billing cycles, days, weeks or months as journal entries."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._charges = Charges(db)
        self._chart: Chart | None = None
        self._policy: Policy | None = None
        self._masters: MasterCustomers | None = None

    @property
    def lists(self) -> Sequence[ListKind]:
        """The Chart of Accounts, the classes, names where one of them is needed, and the currencies where
        there are several."""
        kinds = [ListKind.ACCOUNT, ListKind.CLASS]
        if uses_receivable(self.policy):
            kinds.append(ListKind.CUSTOMER)
        if pays_agency(self._db):
            kinds.append(ListKind.VENDOR)
        if self._connection.company.get("multi_currency"):
            kinds.append(ListKind.CURRENCY)
        return kinds

    @property
    def chart(self) -> Chart:
        self._chart = self._chart or Chart(self._db, self._connection)
        return self._chart

    @property
    def policy(self) -> Policy:
        self._policy = self._policy or policy_of(self._db)
        return self._policy

    @property
    def masters(self) -> MasterCustomers:
        self._masters = self._masters or self._master_customers()
        return self._masters

    def _master_customers(self) -> MasterCustomers:
        return MasterCustomers(self._db, self._connection, self.policy, self.chart)

    @property
    def corrections(self) -> Corrections:
        return Corrections(self._db, self._connection, self.policy)

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """A record joins the entry of its span; a new billing cycle takes what lies in it."""
        gathering = Gathering(self._db, self.policy, self.corrections)
        ids = [record.id for record in changed]
        if kind == "billing_cycle":
            cycles = self._db.scalars(select(BillingCycle).where(BillingCycle.id.in_(ids))).all()
            touched = set[int]().union(*(gathering.of_cycle(cycle) for cycle in cycles))
        elif kind in POSTED:
            touched = gathering.of_records(kind, ids)
        else:
            return []
        return self._let_go(touched)

    def closed(self, cycle: BillingCycle) -> list[Errand]:
        """Gather what belongs to ``cycle`` and is in no entry yet, and let its entries go."""
        gathering = Gathering(self._db, self.policy, self.corrections)
        touched = gathering.of_cycle(cycle)
        mine = select(JournalEntry.id).where(
            JournalEntry.billing_cycle_id == cycle.id, JournalEntry.frozen.is_(None)
        )
        return self._let_go(touched | set(self._db.scalars(mine)))

    def ripe(self) -> list[Errand]:
        """Let the entries go whose day, week or month is over."""
        waiting = select(JournalEntry.id).where(
            JournalEntry.frozen.is_(None), JournalEntry.approved.is_(None)
        )
        return self._let_go(set(self._db.scalars(waiting)))

    def replan(self, cutover: dt.date | None) -> list[Errand]:
        """Gather anew whatever has not been sent or approved by a person: the policy is another now.
        ``cutover`` is the one that was in force till now."""
        self._policy = self._masters = None
        return self._let_go(Gathering(self._db, self.policy, self.corrections).again(cutover))

    def _let_go(self, entry_ids: set[int]) -> list[Errand]:
        """Release the entries whose span is over, approve those the tenant's rule lets go by
        themselves, and return errands for all that may go."""
        if not entry_ids:
            return []
        self._db.flush()
        self._db.execute(_RELEASE, {"ids": list(entry_ids)})
        query = select(JournalEntry).where(
            JournalEntry.id.in_(entry_ids), JournalEntry.released.is_not(None)
        )
        entries = self._db.scalars(
            query.order_by(JournalEntry.id).execution_options(populate_existing=True)
        ).all()
        pending = [entry for entry in entries if entry.approved is None]
        for entry in self._by_rule(pending):
            entry.approved = dt.datetime.now(dt.UTC)
        return self.errands([entry for entry in entries if entry.approved])

    def errands(self, entries: Sequence[JournalEntry]) -> list[Errand]:
        """Return what makes ``entries`` go: themselves, the reversals that come before a repost, and
        before all the Master Customer, where there is none yet."""
        reposts = [entry.follows_id for entry in entries if entry.correction is Correction.REPOST]
        if reposts:
            entries = [*self._reversals(reposts), *entries]
        found = [Errand(f"journal_entry:{entry.id}", _rank(entry)) for entry in entries]
        return [*self.beforehand(entries), *found] if found else []

    def beforehand(self, entries: Iterable[JournalEntry]) -> list[Errand]:
        """Return what has to be in QuickBooks before ``entries``: the Master Customer of each currency,
        if there is one."""
        if not uses_receivable(self.policy):
            return []
        return [
            Errand(self.masters.subject(currency), ACCOUNT_RANK)
            for currency in sorted({entry.currency for entry in entries})
            if not currency_objection(self._connection, currency)
            and not self.masters.reference(currency)
        ]

    def _reversals(self, follows: Sequence[int | None]) -> Sequence[JournalEntry]:
        """Return the reversals of the span of these entries that have not been booked."""
        last = select(JournalEntry).where(JournalEntry.id.in_(follows)).subquery()
        query = select(JournalEntry).where(
            JournalEntry.correction == Correction.REVERSAL,
            exists().where(
                last.c.billing_cycle_id.is_not_distinct_from(JournalEntry.billing_cycle_id),
                last.c.starts == JournalEntry.starts,
                last.c.family == JournalEntry.family,
                last.c.currency == JournalEntry.currency,
            ),
            ~exists().where(
                Link.connection_id == self._connection.id,
                Link.subject == func.concat("journal_entry:", JournalEntry.id),
            ),
        )
        return self._db.scalars(query.order_by(JournalEntry.id)).all()

    def _by_rule(self, entries: Sequence[JournalEntry]) -> list[JournalEntry]:
        """Return those of ``entries`` that need no person's approval."""
        policy = self.policy
        if not entries or policy.approval is Approval.MANUAL:
            return []
        if policy.approval is Approval.AFTER_FIRST and not self._was_approved():
            return []
        free = [entry for entry in entries if not self._asks(entry)]
        limit = policy.approval_limit
        if limit is None or not free:
            return free
        drafts = self.drafts(free)
        return [entry for entry in free if drafts[entry.id].debits <= limit]

    def _asks(self, entry: JournalEntry) -> bool:
        """Whether a person is asked about ``entry``, whatever the rule: an approval was taken back, or
        it holds a late change or lies in a closed period, and the tenant wants to be asked."""
        is_late = entry.correction is Correction.TRUE_UP
        held = is_late and self.policy.late_change is LateChange.HOLD
        return bool(entry.approved_as) or held or (not entry.correction and self._asks_day(entry))

    def _asks_day(self, entry: JournalEntry) -> bool:
        closed = books_closed(self._connection, self.policy)
        is_closed = closed is not None and entry.date <= closed
        return self.policy.closed_period is Closed.ASK and is_closed

    def _was_approved(self) -> bool:
        # Who approved an entry is forgotten when it is amended, but not in the audit log.
        query = select(AuditEntry.id).where(AuditEntry.action == "approved").limit(1)
        return self._db.scalar(query) is not None

    def drafts(self, entries: Sequence[JournalEntry]) -> dict[int, Draft]:
        """Return ``entries`` as they will stand in QuickBooks, by their ids."""
        drafts = Drafts(self._db, self._connection, self.policy, self.chart, self._charges, places=self)
        return drafts.of(entries)

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        """Build each entry from its postings. Once it is sent it takes no more of them."""
        found: dict[str, Outcome] = {}
        wanted: list[int] = []
        for subject in subjects:
            kind, _, id_ = subject.partition(":")
            if kind == "journal_entry":
                wanted.append(int(id_))
            elif kind == "wanted_account":
                found[subject] = self._account_add(subject, int(id_))
            elif kind == "master_customer":
                found[subject] = self.masters.outcome(subject)
        return found | self._entries(wanted, send)

    def _entries(self, ids: Sequence[int], send: bool) -> dict[str, Outcome]:
        if not ids:
            return {}
        query = select(JournalEntry).where(JournalEntry.id.in_(ids)).order_by(JournalEntry.id)
        locked = query.with_for_update() if send else query
        entries = self._db.scalars(locked.execution_options(populate_existing=True)).all()
        links = Links(self._db, self._connection).of(f"journal_entry:{entry.id}" for entry in entries)
        found: dict[str, Outcome] = {}
        draw = []
        for entry in entries:
            subject = f"journal_entry:{entry.id}"
            settled = _settled(entry, links.get(subject))
            if settled is None:
                draw.append(entry)
            else:
                found[subject] = settled
        drafts = self.drafts(draw) if draw else {}
        standing = self.corrections.standing(
            [one for one in draw if one.correction is Correction.REPOST]
        )
        sent: list[Draft] = []
        for entry in draw:
            subject = f"journal_entry:{entry.id}"
            if before := standing.get(entry.id):
                found[subject] = Held(
                    f"Waits until {before} is taken back in QuickBooks, or the same would be booked twice. If "
                    "that is refused, the page Review items queued says why."
                )
                continue
            outcome = found[subject] = self.request(drafts[entry.id], links.get(subject))
            if send and not isinstance(outcome, Held):
                entry.frozen = entry.frozen or dt.datetime.now(dt.UTC)
                if isinstance(outcome, Prepared) and outcome.kind.startswith("JournalEntry"):
                    sent.append(drafts[entry.id])
        self._keep(sent)
        return found

    def request(self, draft: Draft, link: Link | None = None) -> Outcome:
        """Return the request that books ``draft``, or amends what ``link`` names."""
        entry = draft.entry
        if draft.problems:
            return Held(" ".join(draft.problems))
        by_rule = entry.approved and not entry.approved_as and not entry.correction
        if link is None and by_rule and self._asks_day(entry):
            return Held(
                f"Its date {entry.date} is in a closed period by now. Take its approval back on the page "
                f"Journal entries and approve it for {draft.date}, the first open day."
            )
        if not draft.lines and link is not None:
            # An amendment has left nothing: QuickBooks keeps no entry without lines.
            fields = {"TxnVoidType": "JournalEntry", "TxnID": link.object_id}
            return Prepared("TxnVoid", fields, entry.version, draft.accounts)
        if not draft.lines:
            return Nothing(
                "Everything in it cancels out: there is nothing to book.", entry.version, draft.accounts
            )
        if any(line.is_receivable for line in draft.lines) and not self.masters.reference(
            entry.currency
        ):
            return Held(self.masters.missing(entry.currency))
        if link is not None and not link.edit_sequence:
            return forms.query(link, entry.version)
        outcome = self.said(draft, link)
        if isinstance(outcome, Prepared) and entry.approved_as not in ("", outcome.fingerprint):
            return Held(
                "It is not what was approved any more: an account, a class or the closing date has changed. "
                "Look at it again on the page Journal entries and approve it."
            )
        return outcome

    def said(self, draft: Draft, link: Link | None) -> Outcome:
        """Return the addition of ``draft``, or the change that makes it of what ``link`` names."""
        return fits(self._add(draft) if link is None else self._mod(draft, link))

    def _add(self, draft: Draft) -> Prepared:
        entry = draft.entry
        sides: dict[str, list[dict[str, Any]]] = {}
        for line in draft.lines:
            side = "JournalDebitLine" if line.amount > 0 else "JournalCreditLine"
            sides.setdefault(side, []).append(self._said(line, entry.currency))
        fields = {
            "TxnDate": draft.date.isoformat(),
            "RefNumber": entry.number,
            **forms.currency(self.chart, entry.currency),
            "ExternalGUID": guid(self._connection, f"journal_entry:{entry.id}"),
            **sides,
        }
        return Prepared("JournalEntryAdd", {"JournalEntryAdd": fields}, entry.version, draft.accounts)

    def _mod(self, draft: Draft, link: Link) -> Prepared:
        """All lines go as new ones: those left out are taken away (protocol.md G)."""
        lines = [
            {
                "TxnLineID": "-1",
                "JournalLineType": "Debit" if line.amount > 0 else "Credit",
                **self._said(line, draft.entry.currency),
            }
            for line in draft.lines
        ]
        fields = {
            "TxnID": link.object_id,
            "EditSequence": link.edit_sequence,
            "TxnDate": draft.date.isoformat(),
            "RefNumber": draft.entry.number,
            "JournalLineMod": lines,
        }
        version = draft.entry.version
        return Prepared("JournalEntryMod", {"JournalEntryMod": fields}, version, draft.accounts)

    def _said(self, line: Any, currency: str) -> dict[str, Any]:
        said: dict[str, Any] = {
            "AccountRef": {"ListID": self.chart.booked_account(line.account).list_id},
            "Amount": plain(abs(line.amount)),
            "Memo": line.memo,
        }
        if line.is_receivable:
            said["EntityRef"] = self.masters.reference(currency)
        elif line.entity:
            said["EntityRef"] = {"FullName": line.entity}
        if line.class_name:
            said["ClassRef"] = {"ListID": self.chart.class_named(line.class_name).list_id}
        return said

    def _keep(self, drafts: Sequence[Draft]) -> None:
        """Keep the lines as they are sent: a reversal turns these round, whatever changes till then."""
        if not drafts:
            return
        ids = [draft.entry.id for draft in drafts]
        own = JournalEntryLine.journal_entry_id.in_(ids)
        self._db.execute(delete(JournalEntryLine).where(own))
        self._db.execute(
            insert(JournalEntryLine),
            [
                {
                    "journal_entry_id": draft.entry.id,
                    "account": line.account,
                    "class_name": line.class_name,
                    "amount": line.amount,
                    "memo": line.memo,
                }
                for draft in drafts
                for line in draft.lines
            ],
        )

    def _account_add(self, subject: str, id_: int) -> Outcome:
        wanted = self._db.get(WantedAccount, id_)
        if wanted is None:
            return Nothing("It is not wanted any more.")
        if self.chart.find(ListKind.ACCOUNT, wanted.name):
            return Nothing(f"QuickBooks has an account “{wanted.name}”.", 1)
        parent, _, name = wanted.name.rpartition(":")
        fields: dict[str, Any] = {"Name": name, "IsActive": "true"}
        if parent:
            fields["ParentRef"] = {"FullName": parent}
        fields["AccountType"] = wanted.type
        if wanted.number:
            fields["AccountNumber"] = wanted.number
        if wanted.currency:
            try:
                fields["CurrencyRef"] = {"ListID": self.chart.currency(wanted.currency).list_id}
            except Objection as error:
                return Held(str(error))
        return fits(Prepared("AccountAdd", {"AccountAdd": fields}, 1))

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str = "") -> str:
        """Return the account an amount belongs to: a charge's accounting code, or by purpose."""
        if purpose is Purpose.RECEIVABLE:
            control = self.chart.receivable if uses_receivable(self.policy) else self.chart.clearing
            return control(currency).full_name
        if purpose is Purpose.DEPOSIT:
            return self.chart.deposit(code, currency).full_name
        if purpose is Purpose.REFUND:
            return self.chart.refund(code, currency).full_name
        if purpose is Purpose.INCOME:
            found, where = self._charge_account(charge_id or 0), "the Charges page"
        elif purpose is Purpose.TAX:
            found, where = self.chart.tax_account(code), PAGE
        else:
            found, where = self.chart.usual("rounding", "What totals are off by"), PAGE
        return self.chart.fitting(found, currency, where).full_name

    def _charge_account(self, charge_id: int) -> ListEntry:
        charge = self._charges[charge_id]
        what = f"The charge “{charge.name}”"
        if not charge.accounting_code:
            if charge.kind is not ChargeKind.SALE:
                return self.chart.usual(charge.kind.value, what)
            raise Objection(f"{what} has no accounting code. Choose one on the Charges page.")
        account = self.chart.account(charge.accounting_code, what, "the Charges page")
        is_control = account.type == "AccountsReceivable" or self.chart.is_clearing(account.full_name)
        if account.special or is_control:
            raise Objection(
                f"{what} names “{account.full_name}”, which is no income account: what is billed would "
                "not show as income. Choose another on the Charges page."
            )
        return account


def _rank(entry: JournalEntry) -> int:
    """A repost goes when what it takes the place of is undone."""
    return REPOST_RANK if entry.correction is Correction.REPOST else RANK


def _settled(entry: JournalEntry, link: Link | None) -> Outcome | None:
    """Return what becomes of an entry that needs no drawing: it is in QuickBooks, or not approved."""
    if link is None:
        return None if entry.approved else Nothing("It is not approved yet.")
    if link.missing:
        return Held(MISSING)
    if entry.undone is Undoing.VOID and not link.voided:
        fields = {"TxnVoidType": "JournalEntry", "TxnID": link.object_id}
        return Prepared("TxnVoid", fields, entry.version)
    stands = entry.version <= link.version and link.fingerprint != STALE
    if entry.undone or link.voided or stands:
        return Nothing("QuickBooks has it.", link.version)
    return None if entry.approved else Nothing("Its amendment is not approved yet.", link.version)


_RELEASE = text(
    """
    UPDATE journal_entry e SET released = now()
    WHERE e.id = ANY(:ids) AND e.released IS NULL AND e.frozen IS NULL
      AND e.correction IS DISTINCT FROM 'repost'
      AND CASE
          WHEN e.billing_cycle_id IS NULL THEN e.date < (now() AT TIME ZONE 'UTC' - interval '12 hours')::date
          ELSE EXISTS (SELECT FROM billing_cycle c WHERE c.id = e.billing_cycle_id AND c.closed IS NOT NULL)
      END
    """
)
"""A day is over when it has ended in every time zone. What a person reversed waits for a person."""
