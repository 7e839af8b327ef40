"""The proof: every cent of difference has one cause, and the causes add up to the difference."""

import csv
import io
import json
import re
import zlib
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from hub.books.connections import main_connection
from hub.books.differences import EVERYTHING, Cause
from hub.books.proof import Places
from hub.errors import Refused
from hub.exporters import customers_for, exporter_for, proof_for
from hub.qbwc import qbxml
from hub.qbwc.models import State
from hub.sandbox import faults
from hub.sandbox.quickbooks import QuickBooks
from hub.tenants.models import Approval
from hub.tenants.policies import policy_of
from hub.tenants.service import open_tenant
from hub.views.span import months
from tests.journal import Bookkeeper
from tests.test_months import base
from tests.test_months import months as any_months
from tests.views.conftest import fill
from tests.world import World

ADDS = ("InvoiceAdd", "JournalEntryAdd")
MONTH = {"name": "May", "starts": "2026-05-01", "ends": "2026-05-31"}


def bill(tenant, number="1", amount="100.00", date="2026-05-10", **more):
    lines = [{"charge": "gold", "amount": amount}]
    tenant.put("invoices", number, number=number, customer="ada", date=date, lines=lines, **more)


@pytest.fixture
def ready(tenant):
    """A tenant whose lists are imported, in each mode."""
    tenant.sync()
    tenant.put("billing-cycles", "may", **MONTH)
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    tenant.sync()
    return tenant


def causes(tenant, **options):
    """The amount that each cause makes of the difference."""
    with tenant.db() as db:
        proof = proof_for(db, open_tenant(db, tenant.slug), **options)
    assert_exact(proof)
    return {share.cause: share.amount for share in proof.shares}


def assert_exact(proof):
    for row in proof.rows:
        assert sum(row.causes.values()) == row.difference, row
    position = proof.positions[0]
    assert sum(position.causes.values()) == position.difference


def run(tenant, statement):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        db.execute(text(statement))


def policy(tenant, **choices):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        for name, value in choices.items():
            setattr(policy_of(db), name, value)


def test_what_is_not_sent_is_told_and_booking_it_leaves_nothing(ready):
    bill(ready)
    assert causes(ready) == {Cause.NOT_SENT: 100}
    ready.close("may")
    assert causes(ready) == {Cause.NOT_SENT: 100}
    ready.sync()
    assert causes(ready) == {}
    proof = ready.proof()
    assert (proof.delivery.differing, proof.positions[0].difference) == (0, 0)
    assert proof.positions[0].booked == proof.positions[0].owed == 100


def test_what_quickbooks_refuses_has_failed(ready):
    bill(ready)
    ready.close("may")
    ready.sync(plan=faults.either(*(faults.refusing(kind, 3040, times=9) for kind in ADDS)))
    assert causes(ready) == {Cause.FAILED: 100}


def test_what_has_no_account_is_held(ready):
    ready.put("charges", "gold", name="Gold", version=2)
    bill(ready)
    ready.close("may")
    ready.sync()
    assert causes(ready) == {Cause.HELD: 100}


def test_what_was_sent_and_not_answered_is_under_way(ready):
    bill(ready)
    ready.close("may")
    ready.sync(plan=faults.either(*(faults.whenever(kind, faults.LOSE_ANSWER) for kind in ADDS)))
    assert causes(ready) == {Cause.UNDER_WAY: 100}
    ready.an_hour_passes()
    ready.sync()
    assert causes(ready) == {}


def test_what_a_person_excluded_says_so(ready):
    ready.put("charges", "gold", name="Gold", version=2)
    bill(ready)
    ready.close("may")
    run(
        ready, f"UPDATE operation SET state = '{State.EXCLUDED}' WHERE subject ~ 'invoice|journal_entry'"
    )
    assert causes(ready) == {Cause.EXCLUDED: 100}


def test_what_is_dated_in_a_closed_period_says_so(ready):
    policy(ready, lock_date=MONTH["ends"])
    bill(ready)
    ready.close("may")
    ready.sync()
    held = ready.operations()[-1]
    # Documents ask QuickBooks' own closing date; only entries know the tenant's lock date.
    expected = {Cause.CLOSED_PERIOD: 100} if held[1] == "held" else {}
    assert causes(ready) == expected


def test_what_is_dated_before_the_cutover_is_the_opening_position(summary):
    summary.sync()
    policy(summary, cutover="2026-05-01")
    summary.put("billing-cycles", "may", **MONTH)
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    bill(summary, "0", "70.00", date="2026-04-30")
    bill(summary, "1", "30.00")
    summary.close("may")
    summary.sync()
    assert causes(summary) == {Cause.BEFORE_CUTOVER: 70}
    position = summary.proof().positions[0]
    assert (position.owed, position.opening, position.booked, position.difference) == (100, 70, 30, 0)


def test_what_somebody_edited_or_deleted_in_quickbooks_is_told_apart(ready):
    bill(ready, "1", "100.00")
    ready.close("may")
    ready.sync()
    run(ready, "UPDATE link SET edited = now() WHERE subject ~ 'invoice|journal_entry'")
    run(ready, "UPDATE booked_line SET amount = amount * 0.9")
    assert causes(ready) == {Cause.EDITED: 10}
    assert ready.proof().delivery.differing == 1
    run(ready, "UPDATE link SET missing = true, version = 0 WHERE subject ~ 'invoice|journal_entry'")
    run(ready, "DELETE FROM booked_line")
    assert causes(ready) == {Cause.DELETED: 100}


def test_a_cent_within_the_rounding_limit_is_rounding_and_more_is_unexplained(ready):
    bill(ready)
    ready.close("may")
    ready.sync()
    change = "UPDATE booked_line SET amount = amount + sign(amount) * {}"
    run(ready, change.format("0.05"))
    assert causes(ready) == {Cause.ROUNDING: Decimal("0.05")}
    run(ready, change.format("0.01"))
    assert causes(ready) == {Cause.UNEXPLAINED: Decimal("0.06")}
    assert ready.proof().unexplained == Decimal("0.06")


def test_two_errors_that_cancel_out_are_found_by_the_thorough_look(full):
    full.sync()
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full, "1")
    bill(full, "2")
    full.sync()
    lines = "link_id = (SELECT {}(link_id) FROM booked_line)"
    run(full, f"UPDATE booked_line SET amount = amount + sign(amount) WHERE {lines.format('min')}")
    run(full, f"UPDATE booked_line SET amount = amount - sign(amount) WHERE {lines.format('max')}")
    with full.db() as db:
        proof = proof_for(db, open_tenant(db, full.slug), thorough=True)
    assert (proof.difference, proof.delivery.sent, proof.delivery.differing) == (0, 2, 2)


def test_a_month_holds_what_is_dated_in_it_and_what_was_booked_in_another(ready, enter):
    bill(ready)
    ready.close("may")
    ready.sync()
    run(ready, "UPDATE booked_line SET date = '2026-06-01'")
    page = enter(ready).get(f"/t/{ready.slug}?from=2026-05&to=2026-05")
    assert "Booked in another month" in page
    june = page.click("Booked in another month").click("Back to the proof")
    assert "100.00" in june
    nothing = enter(ready).get(f"/t/{ready.slug}?from=2026-01&to=2026-02")
    assert "Nothing was billed or booked in these months." in nothing


def test_balances_of_quickbooks_show_what_is_not_ours(summary, enter):
    summary.sync()
    with summary.company() as company:
        name = summary.proof().positions[0].account
        post(company, name, "500.00")
    summary.put("billing-cycles", "may", **MONTH)
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    bill(summary)
    summary.close("may")
    summary.sync()
    run(summary, "UPDATE list_import SET whole = NULL, read = NULL")
    run(summary, "UPDATE connection SET import_wanted = true")
    summary.sync()
    position = summary.proof().positions[0]
    assert (position.booked, position.balance, position.not_ours) == (100, 600, 500)
    bill(summary, "2", "30.00")
    summary.sync()
    page = enter(summary).get(f"/t/{summary.slug}").text
    rows = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in re.split("</?tr>", page)]
    told = [row for row in rows if row.startswith(("Billing Clearing, as", "of that", "Its balance"))]
    assert [row.split()[-1] for row in told] == ["130.00", "600.00", "100.00", "500.00"]


def test_a_balance_that_is_read_after_a_booking_of_the_same_run_has_that_in_it(summary):
    summary.sync()
    summary.put("billing-cycles", "may", **MONTH)
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    summary.put("charges", "lost", name="Lost")
    bill(summary)
    june = {"customer": "ada", "number": "2", "date": "2026-06-03", "billing_cycle": "june"}
    summary.put("billing-cycles", "june", name="June", starts="2026-06-01", ends="2026-06-30")
    summary.put("invoices", "2", **june, lines=[{"charge": "lost", "amount": "5.00"}])
    summary.close("may")
    summary.close("june")
    run(summary, "UPDATE journal_entry SET approved = now(), approved_as = ''")
    summary.sync()
    summary.sync()
    assert "AccountQueryRq" in summary.messages()[-1]
    position = summary.proof().positions[0]
    assert (position.balance, position.not_ours) == (100, 0)


def post(company, account, amount):
    """Book an amount by hand in QuickBooks."""

    line = {"AccountRef": {"FullName": account}, "Amount": amount}
    other = {"AccountRef": {"FullName": "Checking"}, "Amount": amount}
    fields = {"TxnDate": "2026-05-05", "JournalDebitLine": [line], "JournalCreditLine": [other]}

    request = qbxml.Request("JournalEntryAdd", "1", {"JournalEntryAdd": fields})
    answer = QuickBooks(company).process(qbxml.message([request], version="13.0"))
    assert 'statusCode="0"' in answer, answer


def test_each_figure_opens_what_stands_behind_it(ready, enter):
    bill(ready)
    browser = enter(ready)
    page = browser.get(f"/t/{ready.slug}")
    cause = page.click("Not sent", index=0)
    assert "100.00 USD" in cause
    account = browser.get(f"/t/{ready.slug}").click(href="/proof/account", index=0)
    assert "Invoice 1" in account
    assert "Ada" in account
    assert "May 2026" in account


def test_the_landing_page_leads_to_what_waits_for_approval(summary, enter):
    keeper, browser = Bookkeeper(summary), enter(summary)
    keeper.choose(approval=Approval.AFTER_FIRST)
    summary.sync()
    fill(summary, closed=True)
    page = browser.get(f"/t/{summary.slug}")
    assert "wait for your approval" in page
    assert "First journal entry approved" in page
    assert keeper.entry("B261031-1").number in page.click(
        "Look and approve", href="stand=waiting", index=0
    )
    keeper.approve_all()
    assert "for your approval" not in browser.get(f"/t/{summary.slug}")


@pytest.mark.parametrize("query", ["from=May", "from=2026-13", "from=2026-05&to=2026-04", "to=0000-00"])
def test_a_month_that_is_none_is_said_at_its_field(summary, enter, query):
    page = enter(summary).get(f"/t/{summary.slug}?{query}", status=422)
    assert page.html.find(class_="field-error")


def test_what_is_no_cause_is_no_page(summary, enter):
    enter(summary).get(f"/t/{summary.slug}/proof/nonsense", status=404)
    enter(summary).get(f"/t/{summary.slug}/proof/held?before=x", status=404)
    enter(summary).get(f"/t/{summary.slug}/proof/account?account=%00", status=200)


def test_the_files_say_what_the_page_says(ready, enter):
    ready.put("charges", "gold", version=2, name="Gold", accounting_code="4010", item="Subscription")
    bill(ready)
    browser = enter(ready)
    table = browser.get(f"/t/{ready.slug}/proof.csv").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    total = next(row for row in rows if row["part"] == "total")
    by_account = [Decimal(row["difference"]) for row in rows if row["part"] == "account"]
    assert Decimal(total["difference"]) == 100 == max(sum(x for x in by_account if x > 0), 0)
    paper = browser.get(f"/t/{ready.slug}/proof.pdf")
    assert paper.content_type == "application/pdf"
    words = printed(paper.body)
    assert ready.name in words
    assert "Not sent" in words
    assert re.search("page 1 of +1", words)


def printed(pdf):
    """The words on the pages of a PDF."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    pages = b"".join(zlib.decompress(one) for one in found if one[:1] == b"x")
    words = re.findall(r"\((.*?)\) Tj", pages.decode("cp1252", "replace"))
    return " ".join(words)


def test_an_account_that_reads_like_a_formula_is_inert_in_the_csv(ready, enter):
    bill(ready)
    run(ready, "UPDATE posting SET account = '=HYPERLINK(1)'")
    table = enter(ready).get(f"/t/{ready.slug}/proof.csv").body.decode("utf-8-sig")
    assert "'=HYPERLINK(1)" in table
    assert ",=HYPERLINK" not in table


def test_the_landing_page_takes_as_many_statements_for_many_records_as_for_one(ready):
    counted = []
    for many in (1, 40):
        for number in range(many):
            charge = f"c{many}-{number}"
            ready.put("charges", charge, name=charge, accounting_code="none", item="none")
            lines = [{"charge": charge, "amount": "1.00"}]
            number = f"{many}{number}"
            ready.put("invoices", number, number=number, customer="ada", date="2026-05-03", lines=lines)
        counted.append(statements(ready))
    assert counted[0] == counted[1]


def statements(tenant):
    """How many statements a proof takes."""
    found = []
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        event.listen(db.get_bind(), "before_cursor_execute", lambda *given: found.append(given[2]))
        proof_for(db, opened)
    return len(found)


@pytest.mark.parametrize("mode", ["summary", "full"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    month=any_months(),
    mishap=st.sampled_from([None, faults.LOSE_ANSWER, faults.LOSE_REQUEST, "refuse"]),
    close_first=st.booleans(),
    happening=st.lists(st.sampled_from(["edit", "delete", "exclude", "cut over", "remap"]), max_size=3),
    late_sync=st.booleans(),
)
def test_the_causes_add_up_to_the_difference_whatever_happens(
    app, settings, tmp_path_factory, mode, month, mishap, close_first, happening, late_sync
):
    tenant = World(app, settings, tmp_path_factory.mktemp("proof")).tenant(mode)
    records, late = month
    tenant.batch([*base(), *records])
    if close_first:
        tenant.close("may")
    if mishap == "refuse":
        tenant.sync(plan=faults.refusing("Add", 3040, "There was an error.", times=2))
    else:
        tenant.sync(plan=faults.whenever("Add", mishap) if mishap else faults.all_well)
    for one in happening:
        happen(tenant, one)
    if late:
        tenant.batch(late)
    if late_sync:
        tenant.an_hour_passes()
        tenant.sync()
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        quick, thorough = proof_for(db, opened), proof_for(db, opened, thorough=True)
    assert_exact(quick)
    assert_exact(thorough)
    assert_customers_add_up(tenant)
    amounts = [{row.account: row.causes for row in one.rows} for one in (quick, thorough)]
    assert stripped(amounts[0]) == stripped(amounts[1])
    assert quick.unexplained == 0, json.dumps(quick.as_json())


def stripped(rows):
    return {name: {c: a for c, a in causes.items() if a} for name, causes in rows.items()}


def happen(tenant, what):
    """What people do in QuickBooks, and in the hub, while a month goes on."""
    some = (
        "SELECT id FROM link WHERE subject ~ 'invoice|journal_entry' AND NOT missing ORDER BY id LIMIT 1"
    )
    if what == "edit":
        run(tenant, f"UPDATE link SET edited = now() WHERE id = ({some})")
        run(tenant, f"UPDATE booked_line SET amount = amount * 2 WHERE link_id = ({some})")
    elif what == "delete":
        run(tenant, f"DELETE FROM booked_line WHERE link_id = ({some})")
        run(tenant, f"UPDATE link SET missing = true, version = 0 WHERE id = ({some})")
    elif what == "exclude":
        run(tenant, "UPDATE operation SET state = 'excluded' WHERE state IN ('failed', 'held')")
    elif what == "cut over":
        policy(tenant, cutover="2026-05-10")
    else:
        tenant.put("charges", "g0", version=3, name="Charge 0", accounting_code="4040", item="Support")


def by_customer(tenant, words=""):
    """The customers of the proof, and how many statements they take."""
    found = []
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        customers = customers_for(db, opened)
        event.listen(db.get_bind(), "before_cursor_execute", lambda *given: found.append(given[2]))
        rows, _ = customers.page(words)
        return rows, len(found)


def assert_customers_add_up(tenant):
    """What the customers come to is what the proof says of the control account."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        proof = proof_for(db, opened, thorough=True)
        rows, totals = customers_for(db, opened).page()
        connection = main_connection(db, opened)
        places = Places(db, exporter_for(db, opened, connection).account).receivables()
    control = [row for row in proof.rows if row.account in places]
    assert sum(row.booked for row in rows) == sum(row.booked for row in control)
    assert sum(row.owed for row in rows) == sum(row.billed for row in control)
    for total in totals:
        own = [row for row in rows if row.currency == total.currency]
        assert total.owed == sum(row.owed for row in own)
        assert total.difference == sum(row.difference for row in own)
    assert_documents_add_up(tenant)
    for cause in Cause:
        by_account = sum(row.causes.get(cause, 0) for row in control)
        assert sum(row.causes.get(cause, 0) for row in rows) == by_account, cause
    assert all(sum(row.causes.values()) == row.difference for row in rows)


def assert_documents_add_up(tenant):
    """What a customer's documents come to is what the customer's row says, in each month too."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        for span in (EVERYTHING, months("2026-05", "2026-05")):
            customers = customers_for(db, opened, span)
            for row in customers.page()[0]:
                if row.id is None:
                    continue
                documents, totals = customers.documents(row.id, 0, 1000)
                (total,) = [total for total in totals if total.currency == row.currency]
                assert (total.billed, total.difference) == (row.owed, row.difference), row
                own = [one for one in documents if one.currency == row.currency]
                assert sum(one.difference for one in own) == row.difference


def test_each_customer_is_told_what_is_billed_booked_and_why_they_differ(ready, enter):
    ready.put("customers", "bob", name="Bob")
    bill(ready, "1", "100.00")
    ready.close("may")
    ready.sync()
    lines = [{"charge": "gold", "amount": "30.00"}]
    ready.put("invoices", "2", number="2", customer="bob", date="2026-05-11", lines=lines)
    bob, ada = by_customer(ready)[0]
    assert (bob.name, bob.owed, bob.booked, bob.causes) == ("Bob", 30, 0, {Cause.NOT_SENT: 30})
    assert (ada.name, ada.billed, ada.paid, ada.booked, ada.causes) == ("Ada", 100, 0, 100, {})
    assert_customers_add_up(ready)
    page = enter(ready).get(f"/t/{ready.slug}").click("Proof by customer")
    assert page.text.index("Bob") < page.text.index("Ada")
    one = page.click("Bob")
    assert "Invoice 2" in one
    assert "Not sent" in one
    assert "Nothing found" in enter(ready).get(f"/t/{ready.slug}/proof/customers?q=nobody")
    table = page.click(href="customers.csv").body.decode("utf-8-sig")
    assert {"part": "customer cause", "cause": "not_sent", "difference": "30.00"}.items() <= next(
        row for row in csv.DictReader(io.StringIO(table)) if row["cause"]
    ).items()


def test_a_document_moved_to_another_customer_counts_for_whom_quickbooks_has_it(full):
    full.sync()
    for name in ("ada", "bob"):
        full.put("customers", name, name=name.title())
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full)
    full.sync()
    lines = [{"charge": "gold", "amount": "100.00"}]
    body = {"number": "1", "date": "2026-05-10", "lines": lines}
    full.put("invoices", "1", version=2, customer="bob", **body)
    rows = {row.name: row for row in by_customer(full)[0]}
    assert (rows["Ada"].owed, rows["Ada"].booked, rows["Bob"].owed, rows["Bob"].booked) == (
        0,
        100,
        100,
        0,
    )
    assert rows["Ada"].causes == {Cause.NOT_SENT: -100}
    assert_customers_add_up(full)
    full.sync()
    assert all(not row.difference for row in by_customer(full)[0])


def test_what_a_customer_owes_in_quickbooks_is_what_the_proof_says(full):
    full.sync()
    names = ["Ada", "Bob", "Eve"]
    full.put("charges", "gold", name="Gold", item="Subscription")
    for number, name in enumerate(names, 1):
        full.put("customers", name, name=name)
        lines = [{"charge": "gold", "amount": f"{number}0.00"}]
        full.put("invoices", name, number=name, customer=name, date="2026-05-10", lines=lines)
        full.put("payments", name, customer=name, date="2026-05-11", amount=f"{number}.00")
    full.sync()
    booked = {row.name: row.booked for row in by_customer(full)[0]}
    with full.company() as company:
        for name in names:
            owed = company.transactions.owed_by(company.lists.named("Customer", name).id)
            assert booked[name] == Decimal(owed).scaleb(-2)


def test_the_customers_take_as_many_statements_for_many_as_for_one(ready):
    bill(ready)
    counted = [by_customer(ready)[1]]
    for number in range(30):
        ready.put("customers", f"c{number}", name=f"C {number}")
        lines = [{"charge": "gold", "amount": "1.00"}]
        number = str(number + 10)
        body = {"number": number, "date": "2026-05-03", "lines": lines}
        ready.put("invoices", number, customer=f"c{int(number) - 10}", **body)
    counted.append(by_customer(ready)[1])
    assert counted[0] == counted[1] == 1


def test_each_thing_sent_is_beside_what_quickbooks_has_of_it(ready, enter):
    bill(ready)
    ready.close("may")
    ready.sync()
    browser = enter(ready)
    page = browser.get(f"/t/{ready.slug}")
    assert "The one transaction that was sent is still in QuickBooks as it was sent." in page
    assert "No amount differs" in browser.get(f"/t/{ready.slug}/proof/delivery")
    run(ready, "UPDATE link SET edited = now() WHERE subject ~ 'invoice|journal_entry'")
    run(ready, "UPDATE booked_line SET amount = 90 WHERE amount = 100")
    page = browser.get(f"/t/{ready.slug}")
    assert "The one transaction that was sent is no longer in QuickBooks as it was sent." in page
    listed = page.click("See what differs")
    assert "10.00 USD" in listed
    one = listed.click(href="/proof/delivery/.*/")
    assert [cell.text for cell in one.html.find_all(class_="num")].count("90.00") == 1
    browser.get(f"/t/{ready.slug}/proof/delivery/invoice/999999", status=404)
    browser.get(f"/t/{ready.slug}/proof/delivery/customer/1", status=404)


def test_a_class_that_was_changed_in_quickbooks_is_a_difference_of_delivery(summary, enter):
    keeper = Bookkeeper(summary)
    summary.sync()
    fill(summary, closed=True)
    keeper.approve_all()
    summary.sync()
    run(
        summary,
        """
        UPDATE link SET edited = now(), found = jsonb_set(content, '{Lines,0,Class}', '["", "North"]')
        WHERE subject ~ 'journal_entry' AND id = (
            SELECT min(id) FROM link WHERE subject ~ 'journal_entry')
        """,
    )
    assert summary.proof().delivery.differing == 1
    page = enter(summary).get(f"/t/{summary.slug}/proof/delivery").click(href="/proof/delivery/.*/")
    assert "North" in page


def test_the_proof_says_that_quickbooks_balance_is_not_known_before_an_import(tenant, enter):
    bill_first(tenant)
    page = enter(tenant).get(f"/t/{tenant.slug}")
    assert "Not known yet" in page


def bill_first(tenant):
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    bill(tenant)


def test_what_gathers_is_dated_by_its_entry(summary, enter):
    summary.sync()
    summary.put("billing-cycles", "may", **MONTH)
    bill_first(summary)
    page = enter(summary).get(f"/t/{summary.slug}/proof/not-sent")
    assert "31 May 2026" in page


def test_the_command_takes_the_months_of_the_page_and_has_each_month(ready, settings, tmp_path):
    bill(ready)
    bill(ready, "2", "30.00", date="2026-06-02")
    with ready.db() as db:
        opened = open_tenant(db, ready.slug)
        facts = proof_for(db, opened, months("2026-06", "2026-06-30"), thorough=True).as_json()
    assert facts["difference"] == "30.00"
    assert {month["month"] for month in facts["months"]} == {"2026-06"}
    for first, last in (("2026-05-02", ""), ("", "2026-05-30"), ("May", ""), ("2026-06", "2026-05")):
        with pytest.raises(Refused):
            months(first, last)
