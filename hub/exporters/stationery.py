"""What stands on a document beside its lines: its template, its terms, and a message to the customer.

Names are looked up in the imported lists before anything leaves. Where nothing of a list is known,
as QuickBooks does not let it be read, that is no reason to wait: QuickBooks judges the name itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.books.chart import Chart, Objection
from hub.books.models import ListKind
from hub.qbwc.shapes import Fields
from hub.tenants.full_policy import FullPolicy

_SETTINGS = "Choose another on the page Full mode settings, or"
_AGAIN = "and press Import terms, messages and templates on the page Imports."


class Sheet(NamedTuple):
    """What one document has of all this; references are empty where there is none."""

    template: Fields
    terms: Fields
    message: Fields
    text: str
    """A message that is not in QuickBooks' list: a line of text below the others."""
    usual: tuple[str, ...]
    """The elements that are the tenant's settings and not the record's own words."""


class Stationery:
    """One tenant's settings for documents, held against one company's lists."""

    def __init__(self, chart: Chart, policy: FullPolicy):
        self._chart = chart
        self._policy = policy

    def of(self, record: Any) -> Sheet:
        """Return what an invoice or credit memo has.

        :raises Objection: when something it names, or the settings do, cannot be used in QuickBooks.
        """
        if record.__tablename__ != "invoice":
            template = self._template(self._policy.credit_memo_template)
            return Sheet(template, {}, {}, "", ("TemplateRef",))
        usual = ["TemplateRef"]
        terms = self._terms(record.terms)
        if not record.terms:
            terms = self._by_due_date(record)
            usual.append("TermsRef")
        text = record.message or ""
        message = self._message(text)
        if not text:
            message = self._usual_message()
            usual.append("CustomerMsgRef")
        template = self._template(self._policy.invoice_template)
        return Sheet(template, terms, message, "" if message else text, tuple(usual))

    def _template(self, name: str) -> Fields:
        return self._named(ListKind.TEMPLATE, name, "The template “{}” is", "Templates", _SETTINGS)

    def _terms(self, name: str | None) -> Fields:
        called, cure = "The terms “{}” are", "Take them off the invoice, or"
        return self._named(ListKind.TERMS, name, called, "Terms List", cure)

    def _by_due_date(self, record: Any) -> Fields:
        """Return the terms by which an invoice is due when it is."""
        if record.due_date is None or not self._policy.terms_by_due_date:
            return {}
        days = (record.due_date - record.date).days
        fitting = [one for one in self._chart.all(ListKind.TERMS) if one.active and one.due_days == days]
        return {"ListID": fitting[0].list_id} if fitting else {}

    def _message(self, text: str) -> Fields:
        found = self._chart.find(ListKind.CUSTOMER_MESSAGE, text)
        return {"ListID": found.list_id} if found else {}

    def _usual_message(self) -> Fields:
        name, called = self._policy.customer_message, "The customer message “{}” is"
        return self._named(ListKind.CUSTOMER_MESSAGE, name, called, "Customer Message List", _SETTINGS)

    def _named(self, kind: ListKind, name: str | None, called: str, title: str, cure: str) -> Fields:
        if not name:
            return {}
        known = self._chart.known(kind, name)
        if known is not None and known.active:
            return {"ListID": known.list_id}
        if all(one.gone for one in self._chart.all(kind)):
            return {"FullName": name}
        called = called.format(name)
        if known is not None and not known.gone:
            raise Objection(f"{called} inactive in QuickBooks' {title}. {cure} activate there {_AGAIN}")
        raise Objection(f"{called} not in QuickBooks' {title}. {cure} add there {_AGAIN}")
