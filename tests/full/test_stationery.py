"""What stands on a document beside its amounts: terms, message, template, and lines of text."""

import re

import pytest

from hub.sandbox import people
from tests.full.test_changes import all_is_proved, drained
from tests.views.test_walls import check

THANKS = "Thank you for your business."


def shown(bench, kind="Invoice"):
    """Terms, message, template and texts of each document in QuickBooks, oldest first."""
    with bench.tenant.company() as company:

        def name(list_, id_):
            found = company.lists.get(list_, id_) if id_ else None
            return found.full_name if found else ""

        return [
            (
                name("Terms", one.fields.get("terms")),
                name("CustomerMsg", one.fields.get("message")),
                name("Template", one.fields.get("template")),
                [line["desc"] for line in one.lines if not line["item"]],
            )
            for one in company.transactions.all(kind)
        ]


def import_again(bench, browser):
    page = browser.get(f"/t/{bench.tenant.slug}/imports")
    page.forms["import-terms"].submit(status=303)
    bench.make_due()


def person(bench, do, *arguments):
    with bench.tenant.company() as company:
        getattr(people, do)(company, *arguments)


# Terms


@pytest.mark.parametrize(
    ("due", "terms"),
    [
        ("2026-06-02", "Net 30"),
        ("2026-05-03", "Due on receipt"),
        ("2026-05-20", ""),
        ("2026-05-01", ""),
        (None, ""),
    ],
)
def test_terms_follow_from_the_due_date(bench, due, terms):
    bench.invoice("1", "10.00", due_date=due)
    bench.tenant.sync()
    assert shown(bench) == [(terms, "", "", [])]
    assert bench.link("invoice:").content["Due"] == (due or "2026-05-03")
    drained(bench)


def test_terms_do_not_follow_from_the_due_date_where_the_tenant_does_not_want_that(bench):
    bench.choose(terms_by_due_date=False)
    bench.invoice("1", "10.00", due_date="2026-06-02")
    bench.tenant.sync()
    assert shown(bench) == [("", "", "", [])]


def test_terms_with_a_discount_are_given_only_where_they_are_named(bench):
    with bench.tenant.company() as company:
        company.lists.add("Terms", "2% 10 Net 45", "StandardTerms", StdDueDays=45, DiscountPct="2")
    bench.invoice("1", "10.00", due_date="2026-06-17")
    bench.invoice("2", "10.00", due_date="2026-06-17", terms="2% 10 net 45")
    bench.tenant.sync()
    assert [terms for terms, *_ in shown(bench)] == ["", "2% 10 Net 45"]


def test_terms_that_quickbooks_lacks_hold_the_invoice_until_they_are_there(bench, browser):
    bench.invoice("1", "10.00", terms="Net 17")
    bench.invoice("2", "20.00")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert note.startswith("The terms “Net 17” are not in QuickBooks' Terms List. Take them off")
    assert "Net 17" not in "".join(bench.tenant.messages())
    assert [number for number, *_ in bench.documents()] == ["2"]

    with bench.tenant.company() as company:
        company.lists.add("Terms", "Net 17", "StandardTerms", StdDueDays=17)
    import_again(bench, browser)
    bench.tenant.sync()
    assert [terms for terms, *_ in shown(bench)] == ["", "Net 17"]
    all_is_proved(bench)
    drained(bench)


def test_inactive_terms_hold_the_invoice_and_do_not_follow_from_a_due_date(bench):
    person(bench, "hide", "Terms", "Net 30")
    bench.invoice("1", "10.00", terms="Net 30")
    bench.invoice("2", "10.00", due_date="2026-06-02")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert "“Net 30” are inactive in QuickBooks' Terms List" in note
    assert shown(bench) == [("", "", "", [])]


def test_where_the_terms_list_cannot_be_read_quickbooks_judges_the_name(bench):
    from hub.sandbox import faults

    def plan(text):
        if "TermsQuery" in text:
            return faults.Refuse("TermsQuery", 3260, "You do not have the permission.")
        return None

    bench.invoice("1", "10.00", terms="Net 30")
    bench.tenant.sync(plan=plan)
    assert [terms for terms, *_ in shown(bench)] == ["Net 30"]


# Messages


def test_a_message_of_quickbooks_list_stands_in_its_place(bench):
    bench.invoice("1", "10.00", message=THANKS.upper())
    bench.invoice("2", "10.00", message="See you soon")
    bench.tenant.sync()
    assert shown(bench) == [("", THANKS, "", []), ("", "", "", ["See you soon"])]
    assert bench.documents() == [("1", "10.00", "10.00"), ("2", "10.00", "10.00")]
    all_is_proved(bench)
    drained(bench)


def test_the_usual_message_stands_on_invoices_that_bring_none(bench):
    bench.choose(customer_message=THANKS)
    bench.invoice("1", "10.00")
    bench.invoice("2", "10.00", message="See you soon")
    bench.credit_memo("7", "1.00")
    bench.tenant.sync()
    assert shown(bench) == [("", THANKS, "", []), ("", "", "", ["See you soon"])]
    assert shown(bench, "CreditMemo") == [("", "", "", [])]
    drained(bench)


def test_a_usual_message_that_is_gone_holds_with_what_to_do(bench):
    bench.choose(customer_message=THANKS)
    person(bench, "delete", "CustomerMsg", THANKS)
    bench.invoice("1", "10.00")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert f"The customer message “{THANKS}” is not in QuickBooks' Customer Message List." in note
    bench.choose(customer_message="")
    bench.make_due()
    bench.tenant.sync()
    assert shown(bench) == [("", "", "", [])]


# Templates


def test_documents_are_printed_by_their_templates(bench):
    bench.choose(invoice_template="Intuit Service Invoice", credit_memo_template="Custom Credit Memo")
    bench.invoice("1", "10.00")
    bench.credit_memo("7", "1.00")
    bench.tenant.sync()
    assert shown(bench) == [("", "", "Intuit Service Invoice", [])]
    assert shown(bench, "CreditMemo") == [("", "", "Custom Credit Memo", [])]
    drained(bench)


def test_an_inactive_template_holds_with_what_to_do(bench):
    bench.choose(invoice_template="Intuit Service Invoice")
    person(bench, "hide", "Template", "Intuit Service Invoice")
    bench.invoice("1", "10.00")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert "The template “Intuit Service Invoice” is" in note
    assert "Choose another on the page Full mode settings" in note
    assert bench.documents() == []


def test_another_setting_alone_changes_no_booked_invoice(bench):
    bench.invoice("1", "10.00", due_date="2026-06-02")
    bench.payment("p", "10.00", [("1", "10.00")])
    bench.tenant.sync()
    bench.choose(
        invoice_template="Intuit Service Invoice", customer_message=THANKS, terms_by_due_date=False
    )
    bench.invoice("1", "10.00", due_date="2026-06-02")
    bench.tenant.sync()
    assert bench.documents() == [("1", "10.00", "0.00")]
    assert shown(bench) == [("Net 30", "", "", [])]
    drained(bench)


def test_the_settings_page_offers_what_quickbooks_has(bench, browser):
    bench.tenant.sync()
    page = browser.get(f"/t/{bench.tenant.slug}/settings/full")
    check(page)
    form = page.forms[-1] if not isinstance(page.forms, dict) else page.forms[max(page.forms, key=str)]
    offered = [value for value, *_ in form["invoice_template"].options]
    assert offered == ["", "Intuit Product Invoice", "Intuit Service Invoice"]
    form["invoice_template"] = "Intuit Product Invoice"
    form["credit_memo_template"] = "Custom Credit Memo"
    form["customer_message"] = THANKS
    form["terms_by_due_date"] = False
    form.submit(status=303)
    bench.invoice("1", "10.00", due_date="2026-06-02")
    bench.tenant.sync()
    assert shown(bench) == [("", THANKS, "Intuit Product Invoice", [])]


# Lines of text


def lines(*rows):
    """Lines of Gold; a text alone is a line of its own."""
    return [
        {"description": row} if not row.replace(".", "").isdigit() else {"charge": "gold", "amount": row}
        for row in rows
    ]


def test_a_line_of_text_stands_where_it_stands_in_the_billing(bench):
    bench.invoice("1", lines=lines("May 2026", "100.00", "Usage", "5.00"))
    bench.credit_memo("7", "0.00", lines=lines("We are sorry", "3.00"))
    bench.tenant.sync()
    assert bench.documents() == [("1", "105.00", "105.00")]
    assert bench.documents("CreditMemo") == [("7", "3.00", "3.00")]
    sent = re.sub(r">\s+<", "><", "".join(bench.tenant.messages()))
    assert "<InvoiceLineAdd><Desc>May 2026</Desc></InvoiceLineAdd><InvoiceLineAdd><ItemRef>" in sent
    assert "<CreditMemoLineAdd><Desc>We are sorry</Desc></CreditMemoLineAdd>" in sent
    all_is_proved(bench)
    drained(bench)


def test_a_line_of_text_survives_a_change_and_is_read_back_as_it_is(bench):
    bench.invoice("1", lines=lines("May 2026", "100.00"))
    bench.tenant.sync()
    bench.invoice("1", lines=lines("May 2026", "90.00", "Thanks"))
    bench.tenant.sync()
    assert shown(bench) == [("", "", "", ["May 2026", "Thanks"])]
    assert bench.documents() == [("1", "90.00", "90.00")]
    bench.read_back()
    assert bench.notes("held", "failed") == []
    assert bench.link("invoice:").edited is None
    all_is_proved(bench)
    drained(bench)


def test_a_line_of_text_comes_along_when_an_invoice_is_taken_back(bench):
    bench.choose(edited="rebill")
    bench.invoice("1", lines=lines("May 2026", "100.00"))
    bench.tenant.sync()
    bench.invoice("1", lines=lines("May 2026, corrected", "90.00"))
    bench.tenant.sync()
    assert [texts for *_, texts in shown(bench)] == [["May 2026"], ["May 2026, corrected"]]
    assert shown(bench, "CreditMemo")[0][-1] == ["May 2026"]
    all_is_proved(bench)
    drained(bench)


def test_the_api_gives_a_line_of_text_as_it_took_it(bench):
    given = lines("May 2026", "100.00")
    bench.invoice("1", lines=given)
    assert bench.tenant.get("invoices/i1").json["lines"] == given
    again = {"customer": "ada", "date": "2026-05-03", "number": "1", "lines": given}
    assert bench.tenant.put("invoices", "i1", **again).status_int == 200


@pytest.mark.parametrize(
    ("line", "pointers"),
    [
        ({}, ["charge", "amount"]),
        ({"description": " "}, ["charge", "amount"]),
        ({"description": None}, ["charge", "amount"]),
        ({"charge": "gold"}, ["amount"]),
        ({"charge": "gold", "description": "x"}, ["amount"]),
        ({"amount": "1.00", "description": "x"}, ["charge"]),
        ({"quantity": "1", "description": "x"}, ["charge"]),
        ({"class": "East", "description": "x"}, ["charge"]),
    ],
)
def test_half_a_line_is_not_taken(bench, line, pointers):
    body = {"number": "1", "customer": "ada", "date": "2026-05-03", "lines": [line]}
    answer = bench.tenant.put("invoices", "i1", expect=422, **body)
    errors = answer.json["errors"]
    assert sorted(one["pointer"] for one in errors) == sorted(f"/lines/0/{one}" for one in pointers)
    assert {one["detail"] for one in errors} == {"is missing; it is required."}


def test_the_page_of_an_invoice_shows_its_text(bench, browser):
    bench.invoice("1", lines=lines("May 2026", "100.00"))
    page = browser.get(f"/t/{bench.tenant.slug}/records/invoices").click("^1$")
    check(page)
    assert "Text May 2026" in page.html.main.get_text(" ", strip=True)


def test_a_line_of_text_counts_nothing_in_a_summary(summary):
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    cycle = {"name": "May", "starts": "2026-05-01", "ends": "2026-05-31"}
    summary.put("billing-cycles", "may", **cycle)
    body = {"number": "1", "customer": "ada", "date": "2026-05-03", "billing_cycle": "may"}
    summary.put("invoices", "i1", lines=lines("May 2026", "100.00"), **body)
    summary.close("may")
    summary.sync()
    assert summary.balances() == summary.billed()
    assert summary.proof().difference == 0


def test_terms_and_message_that_the_billing_names_no_more_are_taken_away(bench):
    bench.choose(terms_by_due_date=False)
    bench.invoice("1", "10.00", terms="Net 30", message=THANKS)
    bench.tenant.sync()
    bench.invoice("1", "20.00")
    bench.tenant.sync()
    assert shown(bench) == [("", "", "", [])]
    changes = "".join(bench.tenant.messages()).count("<InvoiceMod>")
    bench.invoice("1", "20.00")
    bench.tenant.sync()
    assert "".join(bench.tenant.messages()).count("<InvoiceMod>") == changes
    all_is_proved(bench)
    drained(bench)


def test_terms_that_quickbooks_gave_by_itself_stay(bench):
    bench.choose(terms_by_due_date=False)
    bench.invoice("1", "10.00")
    bench.tenant.sync()
    with bench.tenant.company() as company:
        (one,) = company.transactions.all("Invoice")
        people.edit_transaction(company, one.id, terms=company.lists.named("Terms", "Net 30").id)
    bench.invoice("1", "20.00")
    bench.tenant.sync()
    assert "<TermsRef>" not in "".join(bench.tenant.messages())
