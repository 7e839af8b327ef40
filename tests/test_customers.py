"""Customers in full mode: found in QuickBooks, linked, added or waiting; and what they are called."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from hub.books.connections import main_connection
from hub.books.matching import Mark, Wanted, find
from hub.books.models import ListEntry, ListKind
from hub.exporters import names
from hub.qbwc.letters import storable
from hub.tenants.full_policy import full_policy
from hub.tenants.service import open_tenant
from tests.protocol.conftest import operations

HEAD = {"customer": "c", "date": "2026-10-05"}


def entered(tenant, list="Customer", /, **fields):
    """Somebody enters a name in QuickBooks."""
    name = fields.pop("Name")
    with tenant.company() as company, company.atomic():
        return company.lists.add(list, name, **fields).id


def wish(tenant, **wishes):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        policy = full_policy(db)
        for name, value in wishes.items():
            setattr(policy, name, value)


def linked(tenant):
    """Which of QuickBooks' customers each of ours is, by external id."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        query = text(
            "SELECT c.external_id, l.object_id FROM link l JOIN customer c ON l.subject = 'customer:' || c.id"
        )
        return dict(db.execute(query).all())


def held(tenant):
    return [one.note for one in operations(tenant, "customer") if one.state.value == "held"]


def customer(tenant, list_id):
    with tenant.company() as company:
        return company.lists.get("Customer", list_id)


def named(tenant):
    with tenant.company() as company:
        return {one.full_name for one in company.lists.all("Customer")}


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ({"AccountNumber": "A-7"}, {"account_number": "A-7"}, "by its account number"),
        ({"Name": "ACME WEST"}, {"name": "Acme West"}, "by its full name"),
        ({"Name": "Zoë Müller"}, {"name": "Zoë Müller"}, "by its full name"),
        ({"Name": "Lodz Trading"}, {"name": "Łodz Trading"}, "by its full name"),
    ],
)
def test_a_customer_that_is_surely_the_same_is_linked(full, theirs, ours, words):
    list_id = entered(full, **({"Name": "Somebody"} | theirs))
    full.put("customers", "c", **({"name": "Ada"} | ours))
    full.sync()
    assert linked(full) == {"c": list_id}
    (one,) = operations(full, "customer")
    assert words in one.note
    assert "<CustomerAddRq" not in "".join(full.messages())
    assert full.sync().nothing_to_do


@pytest.mark.parametrize(
    ("theirs", "ours", "mark"),
    [
        ({"Email": "Ada@Example.com"}, {"email": "ada@example.com"}, "e-mail"),
        ({"CompanyName": "Acme Inc"}, {"company": "ACME INC"}, "company"),
    ],
)
def test_a_customer_that_may_be_the_same_is_proposed(full, theirs, ours, mark):
    entered(full, **({"Name": "Somebody"} | theirs))
    full.put("customers", "c", **({"name": "Ada"} | ours))
    full.sync()
    assert linked(full) == {}
    (note,) = held(full)
    assert f"It may be QuickBooks' customer “Somebody”, who has the same {mark}" in note


def test_the_tenant_says_by_what_customers_are_linked(full):
    list_id = entered(full, Name="Somebody", Email="ada@example.com")
    wish(full, link_matches="all")
    full.put("customers", "c", name="Ada", email="ada@example.com")
    full.sync()
    assert linked(full) == {"c": list_id}


def test_a_mark_that_is_not_wanted_finds_nobody(full):
    list_id = entered(full, Name="Somebody", AccountNumber="A-7")
    wish(full, by_account_number=False)
    full.put("customers", "c", name="Ada", account_number="A-7")
    full.sync()
    assert linked(full)["c"] != list_id


def test_of_two_with_the_same_mark_a_person_chooses(full):
    for name in ("One", "Two"):
        entered(full, Name=name, AccountNumber="A-7")
    full.put("customers", "c", name="Ada", account_number="A-7")
    full.sync()
    assert "QuickBooks has 2 customers of the same account number" in held(full)[0]


def test_a_later_mark_chooses_among_those_that_an_earlier_one_finds(full):
    entered(full, Name="One", AccountNumber="A-7")
    list_id = entered(full, Name="Two", AccountNumber="A-7", Email="ada@example.com")
    full.put("customers", "c", name="Ada", account_number="A-7", email="ada@example.com")
    full.sync()
    assert linked(full) == {"c": list_id}


def test_two_of_ours_that_match_one_wait_for_a_person(full):
    entered(full, Name="One", AccountNumber="A-7")
    full.batch([("customer", f"c{n}", {"name": f"Ada {n}", "account_number": "A-7"}) for n in (1, 2)])
    full.sync()
    assert len(held(full)) == 2
    assert all("1 more of your customers" in note for note in held(full))


@pytest.mark.parametrize(
    ("policy", "words"),
    [("ask", "Create it on the page Customer matches"), ("hold", "entered there by hand")],
)
def test_a_missing_customer_waits_where_the_tenant_wants_that(full, policy, words):
    wish(full, customer_missing=policy)
    full.put("customers", "c", name="Ada")
    assert "have not been imported yet" in held(full)[0]
    full.sync()
    assert words in held(full)[0]
    assert "Ada" not in named(full)
    # Whoever enters it by hand has it linked with the next run.
    list_id = entered(full, Name="Ada")
    import_again(full)
    full.sync()
    assert linked(full) == {"c": list_id}


def import_again(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        db.execute(text("UPDATE list_import SET read = NULL"))
        db.execute(text("UPDATE connection SET import_wanted = true"))


@pytest.mark.parametrize("kind", ["Vendor", "Employee", "OtherName"])
def test_a_name_that_is_in_use_is_told_apart_where_the_tenant_wants_that(full, kind):
    entered(full, kind, Name="Ada")
    wish(full, name_clash="suffix")
    full.batch([("customer", f"c{n}", {"name": "Ada"}) for n in (1, 2)])
    outcome = full.sync()
    assert outcome.message == "2 booked. All is well."
    assert {"Ada (C)", "Ada (C 2)"} < named(full)
    # A change keeps the name that was made up.
    before = customer(full, linked(full)["c1"]).full_name
    full.put("customers", "c1", version=2, name="Ada", phone="555")
    full.sync()
    assert customer(full, linked(full)["c1"]).full_name == before
    assert full.sync().nothing_to_do


def test_a_name_that_a_hidden_customer_has_waits(full):
    entered(full, Name="Ada")
    with full.company() as company, company.atomic():
        entry = company.lists.named("Customer", "Ada")
        entry.active = False
        company.lists.save(entry)
    full.put("customers", "c", name="Ada")
    full.sync()
    assert "by a customer, which is inactive" in held(full)[0]


def test_a_name_of_what_was_deleted_is_free(full):
    full.sync()
    list_id = entered(full, "Vendor", Name="Ada")
    import_again(full)
    full.sync()
    with full.company() as company, company.atomic():
        company.lists.delete(company.lists.get("Vendor", list_id))
    import_again(full)
    full.put("customers", "c", name="Ada")
    assert full.sync().message == "1 booked. All is well."


def test_a_name_that_does_not_fit_is_made_to_by_the_rule_that_is_shown(full):
    wish(full, name_unfit="shorten")
    name = "The International Association of Some Rather Long Names: West"
    full.put("customers", "c", name=name)
    assert full.sync().message == "1 booked. All is well."
    found = customer(full, linked(full)["c"])
    assert len(found.name) <= names.LIMIT
    assert found.name.startswith("The International Association")
    assert "~" in found.name
    assert found.fields["Notes"] == f"Full name: {name}"
    full.put("customers", "c", version=2, name=name, phone="555")
    full.sync()
    assert customer(full, linked(full)["c"]).name == found.name
    assert full.sync().nothing_to_do


def test_a_customer_is_called_as_its_company_where_the_tenant_wants_that(full):
    wish(full, name_rule="company")
    full.batch(
        [
            ("customer", "c1", {"name": "Ada Lovelace", "company": "Analytical Engines"}),
            ("customer", "c2", {"name": "Ben"}),
        ]
    )
    full.sync()
    assert {"Analytical Engines", "Ben"} < named(full)


@pytest.mark.parametrize(
    ("policy", "phone", "company"),
    [("never", "1", "Old"), ("contact", "2", "Old"), ("all", "2", "New")],
)
def test_what_of_an_existing_customer_follows_the_billing(full, policy, phone, company):
    list_id = entered(full, Name="Ada", Phone="1", CompanyName="Old")
    wish(full, customer_update=policy)
    full.put("customers", "c", name="Ada", phone="2", company="New")
    full.sync()
    found = customer(full, list_id)
    assert (found.fields["Phone"], found.fields["CompanyName"]) == (phone, company)
    assert full.sync().nothing_to_do


def test_matching_takes_as_many_statements_for_many_as_for_few(full):
    full.sync()
    with full.db() as db:
        open_tenant(db, full.slug)
        counted = []

        @event.listens_for(db.get_bind(), "before_cursor_execute")
        def count(*_):
            counted.append(1)

        connection = main_connection(db, open_tenant(db, full.slug))
        counts = []
        for many in (1, 300):
            del counted[:]
            wanted = [Wanted(n, f"Name {n}", f"A-{n}") for n in range(1, many + 1)]
            assert len(find(db, connection, wanted, Mark)) == many
            counts.append(len(counted))
        event.remove(db.get_bind(), "before_cursor_execute", count)
    assert counts == [1, 1]


MARKS = st.sampled_from(["", "a", "A", "b"])
OURS = st.builds(dict, name=MARKS, account_number=MARKS, email=MARKS, company=MARKS)
THEIRS = st.builds(
    dict, name=MARKS, account_number=MARKS, email=MARKS, company=MARKS, taken=st.booleans()
)


def expected(ours, theirs, marks):
    """What the chain says, one customer at a time."""
    same = {
        Mark.ACCOUNT_NUMBER: lambda a, b: a["account_number"] == b["account_number"] != "",
        Mark.EMAIL: lambda a, b: a["email"].lower() == b["email"].lower() != "",
        Mark.COMPANY: lambda a, b: a["company"].lower() == b["company"].lower() != "",
        Mark.NAME: lambda a, b: a["name"].lower() == b["name"].lower() != "",
    }
    left = {number for number, one in enumerate(theirs) if not one["taken"]}
    first = None
    for mark in Mark:
        if mark in marks and (found := {n for n in left if same[mark](ours, theirs[n])}):
            first, left = first or mark, found
    return (first, left) if first else (None, set())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(OURS, min_size=1, max_size=4),
    st.lists(THEIRS, max_size=5),
    st.sets(st.sampled_from(list(Mark))),
)
def test_the_chain_finds_whom_a_person_would_find(full, ours, theirs, marks):
    with full.db() as db:
        connection = main_connection(db, open_tenant(db, full.slug))
        for number, one in enumerate(theirs):
            db.add(
                ListEntry(
                    connection_id=connection.id,
                    kind=ListKind.CUSTOMER,
                    list_id=f"id-{number}",
                    full_name=one["name"],
                    number=one["account_number"],
                    email=one["email"],
                    company=one["company"],
                    seen=1,
                )
            )
        for number in [n for n, one in enumerate(theirs) if one["taken"]]:
            db.execute(
                text(
                    "INSERT INTO link (connection_id, subject, object, object_id, edit_sequence, version,"
                    " fingerprint, booked) VALUES (:c, :s, 'Customer', :o, '', 1, '', now())"
                ),
                {"c": connection.id, "s": f"customer:-{number}", "o": f"id-{number}"},
            )
        db.flush()
        wanted = [Wanted(number, **one) for number, one in enumerate(ours)]
        found = find(db, connection, wanted, marks)
        right = [expected(one, theirs, marks) for one in ours]
        for number, (mark, left) in enumerate(right):
            match = found[number]
            assert match.mark == mark
            assert {int(one.list_id[3:]) for one in match.candidates} == left
            assert match.many == len(left)
            others = [len(left & theirs_) for n, (_, theirs_) in enumerate(right) if n != number]
            assert bool(match.rivals) == any(others)
            assert (match.only is not None) == (len(left) == 1 and not any(others))
        db.execute(text("DELETE FROM link"))
        db.execute(text("DELETE FROM list_entry"))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120), st.integers(1, 2**40)
)
def test_a_name_made_to_fit_fits_and_says_so(name, customer_id):
    made = names.shortened(name, customer_id)
    assert names.objection(made) == ""
    assert made == made.strip()
    assert made
    assert made == names.shortened(made, customer_id)
    if len(" ".join(storable(name).split())) > names.LIMIT and ":" not in storable(name):
        assert "~" in made


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80), st.integers(1, 2**40))
def test_variants_of_a_name_fit_and_are_not_the_same(name, customer_id):
    made = list(itertools.islice(names.variants(name, customer_id), 20))
    assert made
    assert len(made) == len(set(made))
    assert not any(names.objection(one) for one in made)


def test_long_names_that_begin_alike_stay_apart():
    name = "A" * 60
    assert names.shortened(name, 1) != names.shortened(name, 2)
