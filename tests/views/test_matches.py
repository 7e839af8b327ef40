"""The page Customer matches: link, create, apply to similar."""

import pytest

from hub.exporters import matches
from tests.test_customers import entered, import_again, linked, named, wish
from tests.views.test_settings import form_of


def page_of(browser, tenant, query=""):
    return browser.get(f"/t/{tenant.slug}/customer-matches{query}")


def decide(page, called, wish, /, similar=False, status=303, **fields):
    """Press Link or Create for the customer of this name."""
    heading = next(link for link in page.html.select(".match h2 a") if link.text == called)
    form = page.forms[f"match-{heading['href'].rsplit('/', 1)[1]}"]
    for field, value in fields.items():
        form[field] = value
    if similar:
        form["similar"] = True
    return form.submit("do", value=wish, status=status)


@pytest.fixture
def proposed(full):
    """Three customers who may be QuickBooks' own, and the invoice of one."""
    for n in range(3):
        entered(full, Name=f"Theirs {n}", Email=f"{n}@example.com")
    full.batch(
        [
            ("charge", "gold", {"name": "Gold", "item": "Subscription"}),
            *(
                ("customer", f"c{n}", {"name": f"Ours {n}", "email": f"{n}@example.com"})
                for n in range(3)
            ),
            (
                "invoice",
                "i",
                {
                    "number": "1",
                    "customer": "c0",
                    "date": "2026-10-05",
                    "lines": [{"charge": "gold", "amount": "5.00"}],
                },
            ),
        ]
    )
    full.sync()
    return full


def test_a_proposed_customer_is_linked_and_its_invoice_goes(proposed, enter):
    browser = enter(proposed)
    page = page_of(browser, proposed)
    assert "Proposed <b>3</b>" in page.text
    assert "Theirs 0" in page
    answer = decide(page, "Ours 0", "link").follow()
    assert "Ours 0 is linked" in answer
    assert "Proposed <b>2</b>" in answer.text
    assert list(linked(proposed)) == ["c0"]
    assert "Customer linked" in browser.get(f"/t/{proposed.slug}/audit")
    assert proposed.sync().message.startswith("1 booked")
    assert proposed.counts()["Invoice"] == 1
    assert not {"Ours 0", "Ours 1"} & named(proposed)


def test_what_is_decided_for_one_is_applied_to_similar(proposed, enter):
    page = page_of(enter(proposed), proposed)
    assert "2 more wait for the same reason" in page
    answer = decide(page, "Ours 1", "link", similar=True).follow()
    assert "Ours 1 and 2 similar are linked" in answer
    assert "Nobody waits for you" in answer
    assert sorted(linked(proposed)) == ["c0", "c1", "c2"]
    assert proposed.sync().message == "1 booked. All is well."
    assert proposed.sync().nothing_to_do


def test_a_customer_is_created_instead(proposed, enter):
    answer = decide(page_of(enter(proposed), proposed), "Ours 2", "create", similar=True).follow()
    assert "created with the next run" in answer
    proposed.sync()
    assert {"Ours 0", "Ours 1", "Ours 2"} < named(proposed)


def test_of_several_one_is_chosen_also_one_that_was_looked_for(full, enter):
    for name in ("One", "Two"):
        entered(full, Name=name, AccountNumber="A-7")
    third = entered(full, Name="Quite Another")
    full.put("customers", "c", name="Ada", account_number="A-7")
    full.sync()
    browser = enter(full)
    page = page_of(browser, full, "?stand=ambiguous")
    assert "Choose one of QuickBooks" in decide(page, "Ada", "link", status=422)
    page = page_of(browser, full, "?find=quite")
    decide(page, "Ada", "link", list_id=third)
    assert linked(full) == {"c": third}
    assert "does not wait for you any more" in decide(page, "Ada", "link", list_id=third, status=422)


def test_a_name_in_use_is_saved_as_another(full, enter):
    entered(full, "Vendor", Name="Ada")
    full.put("customers", "c", name="Ada")
    full.sync()
    browser = enter(full)
    page = page_of(browser, full, "?stand=name")
    assert "by a vendor" in page
    wrong = decide(page, "Ada", "create", name="ada", status=422)
    assert "is in use in QuickBooks" in wrong
    assert "holds a colon" in decide(wrong, "Ada", "create", name="a:b", status=422)
    assert "Give the customer a name" in decide(page, "Ada", "create", name="", status=422)
    decide(page_of(browser, full), "Ada", "create")
    full.sync()
    assert "Ada (C)" in named(full)
    assert full.sync().nothing_to_do


def test_a_missing_customer_is_created_when_a_person_says_so(full, enter):
    wish(full, customer_missing="ask")
    full.put("customers", "c", name="Ada")
    browser = enter(full)
    assert "have not been imported yet" in page_of(browser, full)
    full.sync()
    page = page_of(browser, full, "?stand=missing")
    decide(page, "Ada", "create")
    assert full.sync().message == "1 booked. All is well."
    assert "Nobody waits for you" in page_of(browser, full)


def test_one_that_is_linked_to_another_cannot_be_linked_again(full, enter):
    list_id = entered(full, Name="Ada")
    full.put("customers", "c1", name="Ada")
    full.sync()
    wish(full, customer_missing="ask")
    full.put("customers", "c2", name="Ben")
    page = page_of(enter(full), full, "?find=Ada")
    answer = decide(page, "Ben", "link", list_id=list_id, status=422)
    assert "belongs to another of yours already" in answer


def test_the_page_has_pages(full, enter, monkeypatch):
    monkeypatch.setattr(matches, "PAGE", 2)
    wish(full, customer_missing="ask")
    full.sync()
    full.batch([("customer", f"c{n}", {"name": f"Ada {n}"}) for n in range(3)])
    page = page_of(enter(full), full, "?stand=missing")
    assert len(page.html.select(".match")) == 2
    page = page.click("Next page")
    assert len(page.html.select(".match")) == 1
    assert len(page.click("First page").html.select(".match")) == 2


def test_summary_mode_says_that_it_matches_nobody(summary, enter):
    assert "Not used in Summarized Journal Entry Mode" in page_of(enter(summary), summary)


def test_a_forged_form_is_refused(full, enter):
    browser = enter(full)
    browser.post(f"/t/{full.slug}/customer-matches", {"do": "link"}, status=400)
    page = page_of(browser, full)
    token = page.forms[0]["csrf_token"].value
    answer = browser.post(
        f"/t/{full.slug}/customer-matches",
        {"csrf_token": token, "do": "link", "customer": "1"},
        status=422,
    )
    assert "does not wait for you any more" in answer


# Full mode settings


def settings_of(browser, tenant):
    return form_of(browser.get(f"/t/{tenant.slug}/settings/full"), "/settings/full")


def test_settings_are_saved_and_written_down(full, enter):
    full.sync()
    browser = enter(full)
    form = settings_of(browser, full)
    form["customer_missing"] = "ask"
    form["by_email"] = False
    form["item_account"] = "Sales:Subscriptions"
    assert "Saved" in form.submit(status=303).follow()
    form = settings_of(browser, full)
    assert form["customer_missing"].value == "ask"
    assert not form["by_email"].checked
    assert "Nothing has changed" in form.submit(status=303).follow()
    audit = browser.get(f"/t/{full.slug}/audit")
    assert "Full mode settings changed" in audit


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"item_missing": "create"}, "Choose the income account that new items get"),
        (
            dict.fromkeys(("by_account_number", "by_email", "by_company", "by_name"), False),
            "at least one mark",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(full, enter, fields, words):
    form = settings_of(enter(full), full)
    for name, value in fields.items():
        form[name] = value
    assert words in form.submit(status=422)


def test_settings_that_cannot_be_chosen_are_refused(full, enter):
    form = settings_of(enter(full), full)
    form["link_matches"].force_value("some")
    assert "choose one of the list" in form.submit(status=422)
    form = settings_of(enter(full), full)
    form["item_fallback"].force_value("No such item")
    assert "is not in the list" in form.submit(status=422)


def test_settings_say_when_they_do_not_count(summary, enter):
    assert "yours is Summarized Journal Entry now" in enter(summary).get(
        f"/t/{summary.slug}/settings/full"
    )


# imports


def test_an_import_says_what_it_has_brought(full, enter):
    full.sync()
    browser = enter(full)
    entered(full, Name="New One")
    with full.company() as company, company.atomic():
        one = company.lists.named("Customer", "New One")
    page = browser.get(f"/t/{full.slug}/imports")
    answer = page.forms["import-customers"].submit(status=303).follow()
    assert "all comes with the Web Connector" in answer
    assert "Is imported" in answer
    full.sync()
    assert "1 added, 0 changed, 0 gone" in browser.get(f"/t/{full.slug}/imports")
    with full.company() as company, company.atomic():
        one.fields["Email"] = "new@example.com"
        company.lists.save(one)
    form = browser.get(f"/t/{full.slug}/imports").forms["import-customers"]
    form["since"] = "2026-01-01"
    assert "what was changed since 2026-01-01" in form.submit(status=303).follow()
    full.sync()
    assert "<FromModifiedDate>2026-01-01T00:00:00" in "".join(full.messages())
    assert "0 added, 1 changed, 0 gone" in browser.get(f"/t/{full.slug}/imports")
    with full.company() as company, company.atomic():
        company.lists.delete(company.lists.named("Customer", "New One"))
    import_again(full)
    full.sync()
    assert "0 added, 0 changed, 1 gone" in browser.get(f"/t/{full.slug}/imports")
    assert full.sync().nothing_to_do


@pytest.mark.parametrize("day", ["2026-13-01", "2999-01-01", "0001-01-01"])
def test_a_day_that_is_none_is_refused(full, enter, day):
    form = enter(full).get(f"/t/{full.slug}/imports").forms["import-items"]
    form["since"] = day
    page = form.submit(status=422)
    assert page.forms["import-items"]["since"].value == day


def test_a_list_that_the_mode_does_not_use_has_no_button(summary, enter):
    page = enter(summary).get(f"/t/{summary.slug}/imports")
    assert "import-items" not in page.forms
    form = page.forms["import-accounts"]
    form["which"].force_value("items")
    assert "does not use this list" in form.submit(status=422)
