"""Customers with parents: flat, or each a job of its parent in QuickBooks."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from webtest import Upload

from hub.ledger.intake import Intake
from hub.qbwc.outbox import Outbox
from hub.sandbox import faults
from hub.tenants.service import open_tenant
from tests.full.test_changes import drained
from tests.full.test_currencies import is_proved, with_euros
from tests.full.test_rulings import operation, words
from tests.views.test_walls import check


def with_jobs(bench):
    bench.choose(hierarchy="jobs")


def site(bench, external_id="site", parent="ada", **more):
    body = {"name": external_id.title(), "parent": parent} | more
    bench._put("customers", external_id, body)


def synced(bench, times=2):
    for _ in range(times):
        bench.tenant.sync()


def owed(bench):
    """Return what each of QuickBooks' customers owes, by full name."""
    with bench.tenant.company() as company:
        return {
            one.full_name: company.transactions.owed_by(one.id) / 100
            for one in company.lists.all("Customer")
        }


def settled(bench):
    """See that all is booked, proved, and nothing is left to send."""
    assert bench.notes("held", "failed") == []
    is_proved(bench)
    drained(bench)


def test_a_job_stands_below_its_parent_with_its_invoice(bench):
    with_jobs(bench)
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.invoice("2", "5.00")
    bench.payment("p", "40.00", [("1", "40.00")], customer="site")
    synced(bench)
    found = owed(bench)
    assert (found["Ada:Site"], found["Ada"]) == (60, 5)
    assert "Site" not in found
    settled(bench)


def test_parents_go_first_however_their_batch_is_ordered(bench):
    with_jobs(bench)
    chain = [("e", "d"), ("d", "c"), ("c", "b"), ("b", "ada")]
    records = [("customer", id_, {"name": id_.upper(), "parent": parent}) for id_, parent in chain]
    bench.tenant.batch(records)
    bench.invoice("1", "9.00", customer="e")
    bench.tenant.sync()
    assert owed(bench)["Ada:B:C:D:E"] == 9
    sent = [text for text in bench.tenant.messages() if "<CustomerAddRq" in text]
    names = [name for text in sent for name in ("Ada", "B", "C", "D", "E") if f"<Name>{name}<" in text]
    assert names == ["Ada", "B", "C", "D", "E"]
    settled(bench)


def test_flat_ignores_parents(bench):
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.tenant.sync()
    assert owed(bench)["Site"] == 100
    assert "ParentRef" not in "".join(bench.tenant.messages())
    settled(bench)


def test_flat_takes_no_payment_for_another_customers_invoice(bench):
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.payment("p", "100.00", [("1", "100.00")])
    synced(bench)
    assert any("which is another customer's" in note for note in bench.notes("held"))


def test_a_payment_of_the_parent_goes_to_the_job_whose_invoice_it_pays(bench):
    with_jobs(bench)
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.payment("p", "100.00", [("1", "100.00")])
    synced(bench)
    assert owed(bench)["Ada:Site"] == 0
    assert bench.documents()[0][2] == "0.00"
    settled(bench)


def test_a_payment_for_several_jobs_is_held(bench):
    with_jobs(bench)
    site(bench)
    site(bench, "shed")
    bench.invoice("1", "100.00", customer="site")
    bench.invoice("2", "50.00", customer="shed")
    bench.payment("p", "150.00", [("1", "100.00"), ("2", "50.00")])
    synced(bench)
    (note,) = bench.notes("held")
    assert "It pays invoices of “Shed” and “Site”" in note
    assert "Send a payment for each." in note
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.payment("q", "50.00", [("2", "50.00")])
    synced(bench)
    settled(bench)


def test_a_payment_of_a_stranger_is_still_another_customers(bench):
    with_jobs(bench)
    site(bench)
    bench.tenant.put("customers", "bob", name="Bob")
    bench.invoice("1", "100.00", customer="site")
    bench.payment("p", "100.00", [("1", "100.00")], customer="bob")
    synced(bench)
    assert any("which is another customer's" in note for note in bench.notes("held"))


def test_a_chargeback_stands_where_its_payment_is(bench):
    with_jobs(bench)
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.refund("r", "100.00", refund_kind="chargeback", payment="pp")
    synced(bench, 3)
    assert owed(bench)["Ada:Site"] == 100
    assert bench.documents()[0][2] == "100.00"
    settled(bench)


def test_a_job_of_a_parent_that_cannot_go_says_so(bench):
    with_jobs(bench)
    bench._put("customers", "long", {"name": "L" * 42})
    site(bench, parent="long")
    bench.invoice("1", "100.00", customer="site")
    synced(bench)
    notes = bench.notes("held")
    assert f"Waits for the customer “{'L' * 42}”, which is not in QuickBooks yet." in notes
    assert "Waits for the customer “Site”, which is not in QuickBooks yet." in notes
    bench._put("customers", "long", {"name": "L" * 41})
    synced(bench)
    assert owed(bench)[f"{'L' * 41}:Site"] == 100
    settled(bench)


def test_a_job_of_a_failed_parent_says_so_and_follows_it(bench):
    with_jobs(bench)
    site(bench)
    with bench.tenant.company() as company:
        company.lists.add("Vendor", "Ada")
    bench.tenant.sync()
    assert any("Waits for the customer “Ada”" in note for note in bench.notes("held"))
    bench.choose(name_clash="suffix")
    bench.tenant.a_day_passes()
    synced(bench)
    assert "Ada (C):Site" in owed(bench)
    settled(bench)


def test_a_job_of_an_excluded_parent_says_who_excluded_it(bench, browser):
    with_jobs(bench)
    operation(browser, bench, "customer").forms["exclude"].submit(status=303)
    site(bench)
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert f"Waits for the customer “Ada”. {bench.tenant.admin} has excluded it from QuickBooks." in note
    assert "Include that one again in the queue, or exclude this one too." in note


def test_what_waits_for_the_item_of_an_excluded_charge_says_who_excluded_it(bench, browser):
    bench.choose(item_missing="create", item_account="Sales:Subscriptions")
    bench.tenant.sync()
    bench.tenant.put("charges", "new", name="Brand New")
    operation(browser, bench, "charge").forms["exclude"].submit(status=303)
    bench.invoice("1", "9.00", charge="new")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    by = f"{bench.tenant.admin} has excluded it from QuickBooks."
    assert f"Waits for the item “Brand New”. {by}" in note
    assert "Include that one again in the queue, or exclude this one too." in note


def test_the_setting_is_chosen_on_its_page_and_puts_parents_first(bench, browser):
    site(bench)
    site(bench, "room", parent="site")
    address = f"/t/{bench.tenant.slug}/settings/full"
    page = browser.get(address)
    check(page)
    assert "stay where they are, whatever you choose" in words(page)
    form = next(form for form in page.forms.values() if "hierarchy" in form.fields)
    form["hierarchy"] = "jobs"
    form.submit(status=303)
    bench.tenant.sync()
    assert "Ada:Site:Room" in owed(bench)
    settled(bench)


def decide(bench, browser, customer, do, status=303, **fields):
    page = browser.get(f"/t/{bench.tenant.slug}/customer-matches")
    check(page)
    id_ = page.html.find("h2", string=customer)["id"].removeprefix("c-")
    form = page.forms[f"match-{id_}"]
    for name, value in fields.items():
        form[name] = value
    return form.submit("do", value=do, status=status)


def test_a_person_names_a_job_as_its_siblings_are_not_named(bench, browser):
    with_jobs(bench)
    bench.tenant.put("customers", "top", name="Free")
    site(bench)
    bench.tenant.sync()
    site(bench, "site2", name="site")
    site(bench, "odd", name="O:D")
    bench.tenant.sync()
    assert len(bench.notes("held")) == 2
    page = browser.get(f"/t/{bench.tenant.slug}/customer-matches")
    assert "Name of a new job of “Ada”" in words(page)
    refused = decide(bench, browser, "site", "create", 422, name="SITE")
    assert "The name “SITE” is in use in QuickBooks." in words(refused)
    decide(bench, browser, "site", "create", name="Free")
    bench.tenant.sync()
    assert "Ada:Free" in owed(bench)
    decide(bench, browser, "O:D", "create")
    bench.tenant.sync()
    assert "Ada:O - D" in owed(bench)
    settled(bench)


def test_customers_who_are_asked_about_are_created_parents_first(bench, browser):
    with_jobs(bench)
    bench.choose(customer_missing="ask")
    chain(bench, "a", "b", "c")
    bench.tenant.sync()
    decide(bench, browser, "C", "create", similar="yes")
    bench.tenant.sync()
    assert {"Ada", "A", "A:B", "A:B:C"} <= set(owed(bench))
    settled(bench)


def test_a_customers_page_leads_to_its_parent(bench, browser):
    site(bench)
    found = browser.get(f"/t/{bench.tenant.slug}/records/customers?q=site").click("Site")
    check(found)
    assert "Parent Ada" in words(found)
    assert "Name Ada" in words(found.click("^Ada$"))


def test_names_are_the_jobs_own_among_its_customers_jobs_alone(bench):
    with_jobs(bench)
    bench.tenant.put("customers", "bob", name="Bob")
    bench.tenant.put("customers", "top", name="Site")
    site(bench)
    site(bench, "site2", parent="bob", name="Site")
    synced(bench)
    assert {"Ada:Site", "Bob:Site", "Site"} <= set(owed(bench))
    settled(bench)


def test_of_two_jobs_of_one_name_the_second_gets_a_suffix(bench):
    with_jobs(bench)
    bench.choose(name_clash="suffix")
    site(bench)
    site(bench, "site2", name="SITE")
    synced(bench)
    assert {"Ada:Site", "Ada:SITE (C)"} <= set(owed(bench))
    settled(bench)


def test_names_at_their_limits_make_a_full_name_of_209_letters(bench):
    with_jobs(bench)
    parent = None
    for letter in "vwxyz":
        more = {"parent": parent} if parent else {}
        bench._put("customers", letter, {"name": letter * 41} | more)
        parent = letter
    bench.invoice("1", "9.00", customer="z")
    synced(bench)
    full_name = ":".join(letter * 41 for letter in "vwxyz")
    assert len(full_name) == 209
    assert owed(bench)[full_name] == 9
    settled(bench)


def test_a_parent_on_quickbooks_last_level_takes_no_job(bench):
    with_jobs(bench)
    with bench.tenant.company() as company:
        above = None
        for name in "VWXYZ":
            more = {"AccountNumber": "A-7"} if name == "Z" else {}
            above = company.lists.add("Customer", name, parent=above, **more)
    bench.tenant.put("customers", "deep", name="Deep", account_number="A-7")
    site(bench, parent="deep")
    synced(bench)
    (note,) = bench.notes("held")
    assert "“V:W:X:Y:Z” in QuickBooks, the last of the 5 levels" in note


def test_a_job_that_quickbooks_has_is_linked_by_its_full_name(bench):
    with_jobs(bench)
    with bench.tenant.company() as company:
        ada = company.lists.add("Customer", "Ada")
        company.lists.add("Customer", "Site", parent=ada)
        company.lists.add("Customer", "Site")
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    synced(bench)
    assert owed(bench)["Ada:Site"] == 100
    assert "<CustomerAddRq" not in "".join(bench.tenant.messages())
    settled(bench)


def test_another_setting_or_parent_moves_nobody(bench):
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.tenant.sync()
    with_jobs(bench)
    site(bench, phone="555")
    site(bench, "room", parent="site")
    bench.tenant.sync()
    assert {"Site", "Site:Room"} <= set(owed(bench))
    bench.choose(hierarchy="flat")
    site(bench, "room", parent="ada", phone="556")
    synced(bench)
    found = owed(bench)
    assert "Site:Room" in found
    assert found["Site"] == 100
    assert bench.notes("held", "failed") == []
    drained(bench)


def test_a_parent_that_changes_before_it_is_sent_counts(bench):
    with_jobs(bench)
    site(bench)
    site(bench, "room", parent="site")
    bench.tenant.put("customers", "bob", name="Bob", parent="ada")
    site(bench, parent="bob")
    bench.tenant.sync()
    assert "Ada:Bob:Site:Room" in owed(bench)
    settled(bench)


@pytest.mark.parametrize("mishap", [faults.LOSE_ANSWER, faults.Refuse("<Name>Site<", 1000, runs=True)])
def test_a_job_whose_answer_was_lost_is_not_added_twice(bench, mishap):
    with_jobs(bench)
    bench.tenant.sync()
    site(bench)
    bench.tenant.sync(plan=faults.whenever("CustomerAddRq", mishap))
    bench.tenant.an_hour_passes()
    synced(bench, 3)
    sent = "".join(bench.tenant.messages())
    assert sent.count("<Name>Site<") == 1
    assert ("<FullName>Ada:Site</FullName>" in sent) == isinstance(mishap, faults.Refuse)
    names = list(owed(bench))
    assert names.count("Ada:Site") == 1
    settled(bench)


def test_a_job_in_another_currency_goes_below_its_parents_second_customer(bench):
    with_jobs(bench)
    with_euros(bench)
    site(bench, currency="EUR")
    bench.invoice("1", "80.00", customer="site", currency="EUR")
    synced(bench, 3)
    assert owed(bench)["Ada (EUR):Site"] == 80
    settled(bench)


def test_a_customer_that_stays_beside_its_parent_makes_no_second_customer_of_it(bench):
    with_euros(bench)
    site(bench, currency="EUR")
    synced(bench)
    with_jobs(bench)
    site(bench, currency="EUR", phone="555")
    bench.tenant.put("customers", "ada", version=2, name="Ada", phone="556")
    synced(bench)
    assert [name for name in owed(bench) if "Ada" in name] == ["Ada"]
    assert "Site" in owed(bench)
    settled(bench)


def test_a_second_currency_of_a_job_is_a_customer_beside_it(bench):
    with_jobs(bench)
    with_euros(bench)
    site(bench)
    bench.invoice("1", "100.00", customer="site")
    bench.invoice("2", "80.00", customer="site", currency="EUR")
    bench.payment("p", "80.00", [("2", "80.00")], currency="EUR")
    synced(bench, 3)
    found = owed(bench)
    assert (found["Ada:Site"], found["Site (EUR)"]) == (100, 0)
    settled(bench)


@pytest.mark.parametrize(
    ("parent", "sentence"),
    [
        ("nobody", "there is no customer “nobody” yet; send it first."),
        ("site", "is the customer itself; name another, or leave it out."),
    ],
)
def test_a_parent_that_cannot_be_is_refused(bench, parent, sentence):
    answer = bench.tenant.put("customers", "site", 422, name="Site", parent=parent).json
    assert answer["errors"] == [{"pointer": "/parent", "detail": sentence}]


def chain(bench, *ids):
    """Push customers, each below the one before it."""
    for parent, external_id in zip(("", *ids), ids, strict=False):
        body = {"name": external_id.upper()} | ({"parent": parent} if parent else {})
        bench._put("customers", external_id, body)


def fault(answer):
    (found,) = answer.json["errors"]
    assert found["pointer"] == "/parent"
    return found["detail"]


def test_a_circle_is_refused_whichever_side_closes_it(bench):
    chain(bench, "a", "b", "c")
    answer = bench.tenant.put("customers", "a", 422, version=2, name="A", parent="c")
    assert fault(answer) == "“c” stands below this customer itself. Correct one of the two."
    assert "parent" not in bench.tenant.get("customers/a").json


def test_a_circle_within_a_batch_is_refused(bench):
    chain(bench, "a", "b")
    chain(bench, "c", "d")
    records = [
        ("customer", "a", {"version": 2, "name": "A", "parent": "d"}),
        ("customer", "c", {"version": 2, "name": "C", "parent": "b"}),
    ]
    answer = bench.tenant.batch(records, status=422)
    assert "stands below this customer itself" in fault(answer)
    new = [
        ("customer", "x", {"name": "X", "parent": "y"}),
        ("customer", "y", {"name": "Y", "parent": "x"}),
    ]
    errors = bench.tenant.batch(new, status=422).json["errors"]
    assert {one["detail"] for one in errors} == {"leads in a circle. Correct the parent of one in it."}


def test_more_levels_than_quickbooks_keeps_are_refused_above_and_below(bench):
    chain(bench, *"abcde")
    answer = bench.tenant.put("customers", "f", 422, name="F", parent="e")
    assert "would make 6 levels of customers, and QuickBooks keeps 5" in fault(answer)
    answer = bench.tenant.put("customers", "a", 422, version=2, name="A", parent="ada")
    assert "would make 6 levels" in fault(answer)
    records = [
        ("customer", "b", {"version": 2, "name": "B"}),
        ("customer", "f", {"name": "F", "parent": "e"}),
    ]
    bench.tenant.batch(records)
    assert bench.tenant.get("customers/f").json["parent"] == "e"


def test_a_parent_comes_back_and_can_be_taken_away(bench):
    site(bench)
    assert bench.tenant.get("customers/site").json["parent"] == "ada"
    bench._put("customers", "site", {"name": "Site", "parent": None})
    assert "parent" not in bench.tenant.get("customers/site").json


def test_parents_come_from_a_spreadsheet_in_any_order(bench, browser):
    rows = "external_id,name,parent\r\nroom,Room,site\r\nsite,Site,ada\r\nlost,Lost,nobody\r\n"
    address = f"/t/{bench.tenant.slug}/upload"
    form = next(form for form in browser.get(address).forms.values() if "file" in form.fields)
    form["kind"], form["partial"] = "customer", "yes"
    form["file"] = Upload("customers.csv", rows.encode())
    page = form.submit()
    assert "parent: there is no customer “nobody” yet; send it first." in words(page)
    assert bench.tenant.get("customers/room").json["parent"] == "site"


def test_two_who_close_a_circle_at_once_are_not_both_taken(bench):
    chain(bench, "a")
    chain(bench, "b")
    with ThreadPoolExecutor(1) as pool:
        with bench.tenant.db() as db:
            opened = open_tenant(db, bench.tenant.slug)
            intake = Intake(db, opened, Outbox(db, opened))
            intake.take_one("customer", "a", {"version": 2, "name": "A", "parent": "b"})
            other = pool.submit(bench.tenant.put, "customers", "b", 422, version=2, name="B", parent="a")
            time.sleep(0.5)
        assert "stands below this customer itself" in fault(other.result())


def test_many_jobs_take_as_many_statements_as_few(bench):
    with_jobs(bench)
    bench.tenant.sync()
    for name in ("few", "many"):
        site(bench, name)
    bench.tenant.sync()
    for name, many in (("few", 2), ("many", 60)):
        jobs = [
            ("customer", f"{name}{n}", {"name": f"Job {name} {n}", "parent": name}) for n in range(many)
        ]
        paid = {"date": "2026-05-03", "lines": [{"charge": "gold", "amount": "9.00"}]}
        invoices = [
            ("invoice", f"i{id_}", paid | {"number": f"I{id_}"[:11], "customer": id_})
            for _, id_, _ in jobs
        ]
        payments = [
            (
                "payment",
                f"p{id_}",
                {
                    "customer": name,
                    "date": "2026-05-03",
                    "amount": "9.00",
                    "applied": [{"invoice": f"i{id_}", "amount": "9.00"}],
                },
            )
            for _, id_, _ in jobs
        ]
        bench.tenant.batch([*jobs, *invoices, *payments])
    with bench.tenant.db() as db:
        opened = open_tenant(db, bench.tenant.slug)
        counts = []
        for name in ("few", "many"):
            found = db.execute(
                text(
                    "SELECT o.subject FROM operation o JOIN customer c ON o.subject = 'customer:' || c.id "
                    "WHERE c.external_id LIKE :name || '_%' UNION "
                    "SELECT o.subject FROM operation o JOIN payment p ON o.subject = 'payment:' || p.id "
                    "WHERE p.external_id LIKE 'p' || :name || '_%'"
                ),
                {"name": name},
            )
            subjects = list(found.scalars())
            exporter = Outbox(db, opened).exporter
            with counted(db) as statements:
                exporter.prepare(subjects, send=False)
            counts.append(len(statements))
    assert len(subjects) == 120
    assert counts[0] == counts[1]


@contextmanager
def counted(db):
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(db.get_bind(), "before_cursor_execute", note)
    yield statements
    event.remove(db.get_bind(), "before_cursor_execute", note)


def test_the_page_of_a_customer_says_where_it_stands_after_a_move(bench, browser):
    with_jobs(bench)
    bench.tenant.put("customers", "bob", name="Bob")
    site(bench)
    synced(bench)

    def there():
        here = f"/t/{bench.tenant.slug}/records/customers"
        page = browser.get(here).click("^Site$")
        check(page)
        return page.html.find("section", {"aria-labelledby": "there"}).get_text(" ", strip=True)

    assert "stands" not in there()
    site(bench, parent="bob")
    synced(bench)
    assert "Ada:Site" in owed(bench)
    assert "It stands below “Ada” there, and in your billing below “Bob”." in there()
    site(bench, parent=None)
    synced(bench)
    assert "It stands below “Ada” there, and in your billing at the top." in there()
    bench.choose(hierarchy="flat")
    assert "stands" not in there()
    bench.choose(hierarchy="jobs")
    site(bench)
    synced(bench)
    assert "stands" not in there()
    assert bench.notes("held", "failed") == []
