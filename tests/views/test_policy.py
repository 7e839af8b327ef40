"""Journal entry settings: the effect is seen first, then saved, and what was sent stays."""

import pytest

from hub.books.models import ListEntry
from hub.tenants.policies import policy_of
from hub.tenants.service import open_tenant
from tests.journal import Bookkeeper
from tests.views.test_walls import check


@pytest.fixture
def browser(summary, enter):
    return enter(summary)


def policy(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        found = policy_of(db)
        db.flush()
        db.expunge(found)
        return found


def the_form(page):
    return next(
        form for form in page.forms.values() if form.action.endswith("/settings/journal-entries")
    )


def look(browser, tenant, status=None, **values):
    form = the_form(browser.get(f"/t/{tenant.slug}/settings/journal-entries"))
    for name, value in values.items():
        form[name] = value
    return form.submit("step", value="look", status=status)


def test_full_mode_has_nothing_to_set(full, enter):
    page = enter(full).get(f"/t/{full.slug}/settings/journal-entries")
    assert "There are no journal entries in Full Synchronization Mode" in page


def test_the_cut_over_is_counted_before_it_is_saved(summary, browser, filled):
    filled(summary)
    page = look(browser, summary, cutover="2026-10-10")
    table = page.html.select("table")[1].get_text(" ", strip=True)
    assert "Invoices 1 54.07 USD 0" in table
    assert "Payments 1 -54.07 USD 0" in table
    assert "Credit memos" not in table
    assert policy(summary).cutover is None
    saved = the_form(page).submit("step", value="save").follow()
    assert "Saved" in saved
    assert policy(summary).cutover.isoformat() == "2026-10-10"
    assert [entry.number for entry in Bookkeeper(summary).entries()] == ["C261031-1"]
    assert "Journal entry settings changed" in browser.get(f"/t/{summary.slug}/audit")


def test_what_was_sent_is_not_made_anew(summary, browser, filled):
    summary.sync()
    filled(summary, closed=True)
    summary.sync()
    before = [entry.number for entry in Bookkeeper(summary).entries()]
    page = look(browser, summary, period="day", cutover="2026-10-10")
    assert "3 that were approved or sent stay as they are" in page
    the_form(page).submit("step", value="save")
    assert [entry.number for entry in Bookkeeper(summary).entries()] == before
    assert summary.sync().nothing_to_do


def test_what_waits_is_made_anew(summary, browser, filled):
    filled(summary)
    page = look(browser, summary, period="day", number_template="J{date}{family}{n}")
    assert "3 entries that gather or wait for approval are made anew" in page
    assert "Each day" in page
    the_form(page).submit("step", value="save")
    numbers = {entry.number for entry in Bookkeeper(summary).entries()}
    assert numbers == {"J261005B1", "J261009P1", "J261012C1", "J261014C1"}


def test_one_can_go_back_and_change_something(summary, browser):
    page = look(browser, summary, approval_limit="1,000")
    again = the_form(page).submit("step", value="back")
    form = the_form(again)
    assert form["approval_limit"].value == "1,000"
    assert policy(summary).approval_limit is None


def test_saving_twice_changes_nothing_more(summary, browser):
    page = look(browser, summary, four_eyes=True)
    the_form(page).submit("step", value="save")
    again = the_form(page).submit("step", value="save").follow()
    assert "Nothing has changed" in again


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("number_template", "{family}{date}", "needs {n} once"),
        ("number_template", "A-LONG-ONE-{date}{n}", "QuickBooks keeps 11"),
        ("memo_template", "{cycle} {nonsense}", "The memo template knows"),
        ("approval_limit", "a lot", "Write an amount"),
        ("rounding_limit", "", "Write an amount"),
        ("lock_date", "2026-02-31", "a day that exists"),
        ("cutover", "2999-01-01", "at most 62 days ahead"),
        ("master_customer", "", "1 to 41 characters"),
        ("master_customer", "A:B", "no colon"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(summary, browser, field, value, sentence):
    page = look(browser, summary, status=422, **{field: value})
    assert sentence in page.html.select_one(f"#e-{field}").text
    assert page.html.select_one(f"#f-{field}")["value"] == value


def test_a_choice_that_there_is_none_of_is_refused(summary, browser):
    form = the_form(browser.get(f"/t/{summary.slug}/settings/journal-entries"))
    form["period"].force_value("year")
    assert "Choose one of the list" in form.submit("step", value="look", status=422)


def test_accounts_receivable_takes_entries_of_their_own(summary, browser):
    page = look(browser, summary, status=422, control="receivable", together=True)
    assert "one such line in an entry" in page
    page = look(browser, summary, control="receivable")
    assert "reports stay empty in this mode" in page


def test_four_eyes_are_explained_where_they_bite(summary, browser, filled):
    summary.sync()
    filled(summary)
    page = look(browser, summary, approval="manual", four_eyes=True)
    the_form(page).submit("step", value="save")
    summary.close("m")
    entry = Bookkeeper(summary).entries()[0]
    page = browser.get(f"/t/{summary.slug}/journal-entries/{entry.id}")
    assert "whoever last said where something is booked cannot approve" in page
    answer = page.forms[f"approve-{entry.id}"].submit().follow()
    assert "so somebody else approves" in answer
    Bookkeeper(summary, "another@example.com").approve_all()
    summary.sync()
    assert summary.proof().difference == 0


def test_an_approval_limit_is_explained_where_it_bites(summary, browser, filled):
    summary.sync()
    filled(summary)
    page = look(browser, summary, approval="automatic", approval_limit="50")
    the_form(page).submit("step", value="save")
    summary.close("m")
    waiting = browser.get(f"/t/{summary.slug}/journal-entries?stand=waiting")
    assert waiting.text.count("more than your approval limit of 50.00") == 2


def test_support_sees_the_settings_and_does_not_change_them(summary, support):
    page = support.get(f"/t/{summary.slug}/settings/journal-entries")
    assert "Look at the effect" not in page
    token = page.forms[0]["csrf_token"].value
    support.post(page.request.path, {"csrf_token": token, "step": "save"}, status=403)


# Accounts by purpose


def accounts(browser, tenant):
    return browser.get(f"/t/{tenant.slug}/settings/accounts")


def account_form(page):
    return next(form for form in page.forms.values() if form.action.endswith("/settings/accounts"))


def discount(tenant):
    """A charge that is a discount, and nothing that says where discounts go."""
    tenant.sync()
    tenant.put("charges", "less", name="Loyalty", charge_kind="discount")


def test_an_account_that_sounds_right_is_proposed_and_taken_with_save(summary, browser):
    discount(summary)
    page = accounts(browser, summary)
    form = account_form(page)
    assert form["discount."].value == "Discounts Given"
    assert "Proposed: <b>Discounts Given</b>" in page
    assert form["write_off."].value == ""
    form.submit().follow()
    page = accounts(browser, summary)
    assert "Proposed" not in page
    assert account_form(page)["discount."].value == "Discounts Given"
    charge = browser.get(f"/t/{summary.slug}/charges")
    assert "Not mapped" not in charge


def test_refunds_go_where_a_person_says(summary, browser, filled):
    summary.sync()
    filled(summary)
    form = account_form(accounts(browser, summary))
    form["refund.Check"] = "Savings"
    form.submit()
    summary.close("m")
    summary.sync()
    assert summary.balances()["Savings"] == -5


def test_only_accounts_of_a_fitting_type_can_be_chosen(summary, browser):
    summary.sync()
    page = accounts(browser, summary)
    offered = {option["value"] for option in page.html.select("[name='write_off.'] option")}
    assert "Checking" not in offered
    assert any("Expense" in name or "Bad" in name for name in offered if name)
    form = account_form(page)
    form["write_off."].force_value("Checking")
    assert "cannot be chosen for Write-offs" in form.submit(status=422)


def test_an_account_is_created_in_quickbooks_from_its_row(summary, browser):
    summary.sync()
    summary.put("charges", "lost", name="Lost cause", charge_kind="write_off")
    page = accounts(browser, summary).click(href="for=write_off")
    form = next(form for form in page.forms.values() if form.action.endswith("/settings/accounts/new"))
    assert form["name"].value == ""
    form["name"] = "Bad Debt"
    taken = form.submit(status=422)
    assert "has an account “Bad Debt” already" in taken.html.select_one("#e-name").text
    form["name"] = "Nowhere:Old"
    form["type"] = "Expense"
    refused = form.submit(status=422)
    assert "Create that one first" in refused.html.select_one("#e-name").text
    form["name"], form["number"] = "Given Up", "6999"
    row = form.submit().follow()
    assert "“Given Up” is created in QuickBooks at the next run" in row
    assert "Given Up (created at the next run)" in row
    again = form.submit().follow()
    assert again.text.count("is created in QuickBooks at the next run") == 1
    assert "New account Given Up" in browser.get(f"/t/{summary.slug}/queue")
    summary.sync()
    summary.sync()
    row = accounts(browser, summary)
    assert "Now: <b>Given Up</b>" in row
    assert summary.counts()["Account"] == 35


def test_an_account_gone_from_quickbooks_is_said_at_its_choice(summary, browser):
    summary.sync()
    form = account_form(accounts(browser, summary))
    form["rounding."] = "Sales Returns"
    form.submit()
    with summary.db() as db:
        open_tenant(db, summary.slug)
        entry = db.query(ListEntry).filter_by(full_name=form["rounding."].value).one()
        entry.active = False
    page = accounts(browser, summary)
    assert "which is inactive in the Chart of Accounts" in page


def currency_of(tenant, account):
    with tenant.company() as company:
        return company.lists.named("Account", account).fields.get("CurrencyRef")


def bill_in_euros(tenant):
    """Send a bill of a tenant whose company file keeps several currencies."""
    with tenant.company() as company:
        company.prefer(IsMultiCurrencyOn=True)
    tenant.sync()
    tenant.put("customers", "ada", name="Ada", currency="EUR")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    tenant.put("billing-cycles", "c", name="May", starts="2026-05-01", ends="2026-05-31")
    lines = [{"charge": "gold", "amount": "80.00"}]
    body = {"customer": "ada", "date": "2026-05-03", "currency": "EUR"}
    tenant.put("invoices", "1", number="1", lines=lines, **body)
    tenant.put("payments", "p", amount="80.00", **body)


def test_receivables_in_a_foreign_currency_are_created_in_full_mode_too(full, enter):
    browser = enter(full)
    bill_in_euros(full)
    full.sync()
    assert any("no Accounts Receivable account in EUR" in note for _, _, note in full.operations())
    page = accounts(browser, full).click(href="for=receivable.EUR")
    check(page)
    form = next(form for form in page.forms.values() if form.action.endswith("/settings/accounts/new"))
    given = form["name"].value, form["type"].value, form["currency"].value
    assert given == ("Accounts Receivable - EUR", "AccountsReceivable", "EUR")
    row = form.submit().follow()
    assert "“Accounts Receivable - EUR” is created in QuickBooks at the next run" in row
    for _ in range(3):
        full.sync()
    assert currency_of(full, "Accounts Receivable - EUR") == "Euro"
    assert "Now: <b>Accounts Receivable - EUR</b>" in accounts(browser, full)
    assert full.counts()["Invoice"] == 1
    assert full.proof().difference == 0


def test_an_account_in_the_wrong_currency_is_put_right_by_the_button_that_says_so(summary, browser):
    bill_in_euros(summary)
    form = account_form(accounts(browser, summary))
    form["money_in.EUR"].force_value("")
    form["deposit."] = "Checking"
    form.submit()
    summary.close("c")
    summary.sync()
    held = [note for _, state, note in summary.operations() if state == "held"]
    assert any(
        "“Checking” is kept in US Dollar in QuickBooks and takes nothing in EUR" in it for it in held
    )
    page = accounts(browser, summary).click(href="for=money_in.EUR")
    form = next(form for form in page.forms.values() if form.action.endswith("/settings/accounts/new"))
    assert (form["name"].value, form["currency"].value) == ("Payments Received - EUR", "EUR")
    form["type"] = "OtherCurrentAsset"
    refused = form.submit(status=422)
    check(refused)
    assert "keeps only receivables and bank accounts" in refused.html.select_one("#e-currency").text
    form["type"] = "Bank"
    form["name"] = "Euro Bank"
    form.submit(status=303)
    for _ in range(3):
        summary.sync()
    assert currency_of(summary, "Euro Bank") == "Euro"
    assert summary.proof().difference == 0
    assert [note for _, state, note in summary.operations() if state == "held"] == []


def test_what_is_no_account_is_not_created_as_one(full, enter):
    browser = enter(full)
    full.sync()
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    lines = [{"charge": "gold", "amount": "80.00"}]
    taxes = [{"code": "Nowhere", "amount": "1.00"}]
    body = {"customer": "ada", "number": "1", "date": "2026-05-03"}
    full.put("invoices", "1", lines=lines, taxes=taxes, **body)
    page = accounts(browser, full)
    assert "Tax “Nowhere”" in page
    assert "for=tax" not in page
