"""What stands in a document's way is told on the pages: title, cause, and a next step that works.

The limits are those of product.md 3.6, the codes those of protocol.md D.2.
"""

import re

import pytest

from hub.qbwc import statuses
from hub.qbwc.statuses import Action
from hub.sandbox import faults
from tests.full.bench import Bench
from tests.views.test_walls import check
from tests.visitor import Visitor
from tests.world import World


@pytest.fixture(scope="module")
def shared(app, settings, tmp_path_factory):
    """One tenant's bench and browser for all tests, with the lists imported."""
    tenant = World(app, settings, tmp_path_factory.mktemp("told")).tenant("full")
    bench = Bench(tenant)
    tenant.sync()
    browser = Visitor(tenant.world.app)
    browser.sign_in(tenant.admin, tenant.password)
    return bench, browser


def operation_page(bench, browser, kind):
    page = browser.get(f"/t/{bench.tenant.slug}/queue/{bench.operation(kind)}")
    check(page)
    return page, re.sub(r"\s+", " ", page.html.main.get_text(" "))


WAITS = sorted(
    code
    for code in statuses.STATUSES
    if statuses.status(code).action in (Action.HOLD, Action.LOOK_UP)
    # A name is a list's, and an unknown fate is looked up: nobody has to do anything about these.
    and code not in (statuses.NAME_TAKEN, 510, 1000, 1010)
)


@pytest.mark.parametrize("code", WAITS)
def test_a_refused_invoice_says_what_why_and_what_next_and_goes_when_tried_again(shared, code):
    bench, browser = shared
    number = f"C{code}"
    bench.invoice(number, "10.00")
    plan = faults.refusing(f"<RefNumber>{number}<", code, "So it says.")
    bench.tenant.sync(plan=lambda text: plan(text) if "<InvoiceAddRq" in text else None)
    page, words = operation_page(bench, browser, "invoice")
    row = statuses.status(code)
    for said in (row.title, row.cause, "QuickBooks says: “So it says.”", row.next_step):
        assert said in words
    assert row.title
    assert row.next_step
    link = page.html.main.find("a", href=re.compile("help/codes#"))
    place = browser.get(link["href"]).html.find(id=link["href"].partition("#")[2])
    assert row.title in place.parent.parent.text
    page.forms[f"retry-{bench.operation('invoice')}"].submit(status=303)
    bench.tenant.sync()
    assert "Booked" in operation_page(bench, browser, "invoice")[1]
    assert [one for one in bench.documents() if one[0] == number] == [(number, "10.00", "10.00")]


LIMITS = {
    "name": ("Name", 41),
    "company": ("CompanyName", 41),
    "first_name": ("FirstName", 25),
    "last_name": ("LastName", 25),
    "phone": ("Phone", 21),
    "account_number": ("AccountNumber", 99),
    "bill_address.line1": ("Addr2", 41),
    "bill_address.line2": ("Addr3", 41),
    "bill_address.city": ("City", 31),
    "bill_address.state": ("State", 21),
    "bill_address.postal_code": ("PostalCode", 13),
    "bill_address.country": ("Country", 31),
}
"""What of a customer may be longer in the billing than in QuickBooks; an e-mail may not."""


@pytest.mark.parametrize("field", LIMITS)
def test_a_text_of_a_customer_beyond_its_limit_says_so_and_goes_when_shortened(shared, field):
    bench, browser = shared
    called, limit = LIMITS[field]
    own = field.replace(".", "-")

    def put(version, length):
        text = (own + "x" * 200)[:length]
        outer, _, inner = field.partition(".")
        body = {"name": f"Of {own}"} | {outer: {inner: text} if inner else text}
        bench.tenant.put("customers", own, version=version, **body)
        bench.tenant.sync()
        return text

    text = put(1, limit + 1)
    _, words = operation_page(bench, browser, "customer:")
    assert "Held" in words
    assert f"{limit + 1}" in words
    assert f"{limit}" in words
    assert "Shorten it" in words
    assert f"“{text}”" in words
    assert called in words or field == "name"
    put(2, limit)
    assert "Booked" in operation_page(bench, browser, "customer:")[1]
    with bench.tenant.company() as company:
        assert text[:limit] in str(
            [
                (one.name, one.fields)
                for one in company.lists.all("Customer")
                if own in one.name or "Of" in one.name
            ]
        )


def test_a_text_on_an_invoice_is_no_longer_than_quickbooks_keeps(shared):
    bench, browser = shared
    head = {"customer": "ada", "number": "L", "date": "2026-05-03"}
    for field, longest in (("po_number", 25), ("terms", 31)):
        lines = [{"charge": "gold", "amount": "1.00"}]
        body = head | {field: "x" * (longest + 1)}
        answer = bench.tenant.put("invoices", "iL", expect=422, lines=lines, **body)
        assert [one["pointer"] for one in answer.json["errors"]] == [f"/{field}"]
        assert str(longest) in answer.json["errors"][0]["detail"]
    # A number is told in the memo where it is longer, and what has room for 4,095 gets no more than 4,000.
    lines = [{"charge": "gold", "amount": "10.00", "description": "d" * 4000}]
    bench.invoice("N" * 12, "10.00", po_number="P" * 25, lines=lines)
    bench.payment("p", "10.00", reference="r" * 21, method="Check")
    bench.tenant.sync()
    assert "Booked" in operation_page(bench, browser, "invoice")[1]
    assert "Booked" in operation_page(bench, browser, "payment")[1]
    sent = "".join(bench.tenant.messages())
    assert f"Invoice {'N' * 12}" in sent
    assert "r" * 21 in sent


def fields(bench, kind, full_name):
    """What QuickBooks has of an entry of a list."""
    with bench.tenant.company() as company:
        return company.lists.named(kind, full_name).fields


def test_a_text_of_a_created_item_beyond_its_limit_says_so_and_goes_when_shortened(bench, browser):
    bench.choose(item_missing="create", item_account="Sales:Subscriptions")
    charge = {"name": "N" * 32, "description": "d" * 4000}
    bench.tenant.put("charges", "long", **charge)
    bench.invoice("1", "10.00", charge="long")
    bench.tenant.sync()
    words = operation_page(bench, browser, "charge")[1]
    assert f"An item cannot be called “{'N' * 32}”: QuickBooks keeps 31 letters" in words
    assert "Name another on the Charges page" in words
    assert "Waits for the item" in operation_page(bench, browser, "invoice")[1]
    bench.tenant.put("charges", "long", version=2, **charge, item="I" * 31)
    bench.tenant.sync()
    assert fields(bench, "Item", "I" * 31)["Desc"] == "d" * 4000
    assert bench.documents() == [("1", "10.00", "10.00")]
    answer = bench.tenant.put("charges", "long", 422, version=3, name="N", description="d" * 4001)
    assert [one["pointer"] for one in answer.json["errors"]] == ["/description"]


def test_a_class_whose_name_quickbooks_cannot_keep_says_so_and_goes_when_shortened(bench, browser):
    with bench.tenant.company() as company:
        kept = company.lists.add("Class", "C" * 31).id
    bench.tenant.sync()
    line = {"charge": "gold", "amount": "10.00"}
    bench.invoice("1", "10.00", lines=[line | {"class": "C" * 32}])
    bench.tenant.sync()
    words = operation_page(bench, browser, "invoice")[1]
    assert (
        f"The class “{'C' * 32}” is not in QuickBooks' class list. Add it there, or change it" in words
    )
    bench.invoice("1", "10.00", lines=[line | {"class": "C" * 31}])
    bench.tenant.sync()
    assert bench.documents() == [("1", "10.00", "10.00")]
    assert f"<ClassRef><ListID>{kept}</ListID></ClassRef>" in "".join(bench.tenant.messages())


def test_a_payment_method_that_quickbooks_cannot_keep_stands_whole_in_the_memo(bench):
    with bench.tenant.company() as company:
        company.lists.add("PaymentMethod", "M" * 31, PaymentMethodType="Other")
    bench.tenant.a_day_passes()
    bench.tenant.sync()
    for number, method in (("1", "M" * 32), ("2", "M" * 31)):
        bench.payment(number, "1.00", method=method)
    bench.tenant.sync()
    assert bench.notes("held", "failed") == []
    sent = "".join(bench.tenant.messages())
    first, second = re.findall("<ReceivePaymentAddRq.*?</ReceivePaymentAddRq>", sent, re.DOTALL)
    assert "PaymentMethodRef" not in first
    assert f"<Memo>{'M' * 32}" in first
    assert "PaymentMethodRef" in second


def test_the_notes_of_a_customer_keep_the_longest_name_there_is(bench):
    bench.choose(name_unfit="shorten")
    name = ("A name of many words " * 10)[:200].strip()
    name += "x" * (200 - len(name))
    bench.tenant.put("customers", "long", name=name)
    bench.tenant.sync()
    with bench.tenant.company() as company:
        (made,) = [one for one in company.lists.all("Customer") if one.name.startswith("A name")]
    assert len(made.name) <= 41
    assert made.fields["Notes"] == f"Full name: {name}"
    answer = bench.tenant.put("customers", "long", 422, version=2, name=name + "x")
    assert [one["pointer"] for one in answer.json["errors"]] == ["/name"]


def test_a_full_name_beyond_209_letters_says_so_and_goes_when_shortened(bench, browser):
    bench.choose(hierarchy="jobs")
    parent = {}
    for letter in "vwxy":
        bench.tenant.put("customers", letter, name=letter * 41, **parent)
        parent = {"parent": letter}
    bench.tenant.put("customers", "z", name="z" * 42, **parent)
    for _ in range(2):
        bench.tenant.sync()
    words = operation_page(bench, browser, "customer:")[1]
    assert "Name has 42 characters and QuickBooks keeps 41" in words
    assert "Shorten it" in words
    bench.tenant.put("customers", "z", version=2, name="z" * 41, **parent)
    bench.tenant.sync()
    assert "Booked" in operation_page(bench, browser, "customer:")[1]
    with bench.tenant.company() as company:
        assert max(len(one.full_name) for one in company.lists.all("Customer")) == 209
    answer = bench.tenant.put("customers", "deeper", 422, name="D", parent="z")
    assert "QuickBooks keeps 5" in answer.json["errors"][0]["detail"]


def test_a_memo_beyond_its_limit_says_so_and_goes_when_shortened(bench, browser):
    head = len("Invoice ") + len(" · ")
    number = "N" * (4095 - 4000 - head)
    bench.invoice(number + "N", "10.00", memo="m" * 4000)
    bench.tenant.sync()
    words = operation_page(bench, browser, "invoice")[1]
    assert "Memo has 4096 characters and QuickBooks keeps 4095" in words
    assert "Shorten it" in words
    bench.invoice(number, "20.00", memo="m" * 4000)
    bench.tenant.sync()
    assert "Booked" in operation_page(bench, browser, "invoice")[1]
    with bench.tenant.company() as company:
        (invoice,) = company.transactions.all("Invoice")
    assert invoice.fields["Memo"] == f"Invoice {number} · {'m' * 4000}"
