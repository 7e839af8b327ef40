"""Import CSV."""

import csv
import io

import pytest
from sqlalchemy import select
from webtest import Upload

from hub.ledger import sheet
from hub.ledger.contract import KINDS
from hub.ledger.models import Customer, Invoice
from hub.tenants.service import open_tenant


def form_of(page, ending):
    return next(form for form in page.forms.values() if form.action.endswith(ending))


def send(browser, tenant, kind, content, partial="", status=200):
    form = form_of(browser.get(f"/t/{tenant.slug}/upload"), "/upload")
    form["kind"], form["partial"] = kind, partial
    form["file"] = Upload("file.csv", content if isinstance(content, bytes) else content.encode())
    return form.submit(status=status)


def stored(tenant, model, column):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        return sorted(db.scalars(select(getattr(model, column))))


def test_the_templates_themselves_can_be_imported(full, enter):
    browser = enter(full)
    more = "external_id,name\nusage,Usage\n"
    for kind in KINDS:
        file = browser.get(f"/t/{full.slug}/upload/template/{kind}")
        assert file.content_type == "text/csv"
        assert "1 created" in send(browser, full, kind, file.body)
        if kind == "charge":
            assert "1 created" in send(browser, full, "charge", more)
    page = send(browser, full, "invoice", sheet.template("invoice"))
    assert "1 unchanged" in page
    full.sync()
    assert "Import CSV" in page


def test_a_change_is_a_new_version(full, enter):
    browser = enter(full)
    send(browser, full, "customer", "external_id,name\nc-1,Ada\nc-2,Ben\n")
    page = send(browser, full, "customer", "external_id,name\nc-1,Ada L\nc-2,Ben\n")
    assert "0 created, 1 updated, 1 unchanged, 0 refused" in page
    assert stored(full, Customer, "version") == [1, 2]


WRONG = "external_id;name;email\nc-1;Ada;a@example.com\n;Nobody;\nc-3;;\n"


def test_all_or_nothing(full, enter):
    browser = enter(full)
    page = send(browser, full, "customer", WRONG, status=422)
    assert "Nothing was taken" in page
    assert "name: is missing" in page
    assert stored(full, Customer, "name") == []
    file = form_of(page, "/upload/errors").submit(status=200)
    rows = list(csv.DictReader(io.StringIO(file.body.decode("utf-8-sig")), delimiter=";"))
    assert [bool(row["error"]) for row in rows] == [False, True, True]
    corrected = (
        file.body.decode("utf-8-sig").replace(";Nobody;", "c-2;Nobody;").replace("c-3;;", "c-3;Cy;")
    )
    assert "3 created" in send(browser, full, "customer", corrected)


def test_what_is_right_is_taken(full, enter):
    browser = enter(full)
    page = send(browser, full, "customer", WRONG, partial="yes")
    assert "1 created, 0 updated, 0 unchanged, 2 refused" in page
    assert stored(full, Customer, "name") == ["Ada"]
    file = form_of(page, "/upload/errors").submit(status=200)
    rows = list(csv.DictReader(io.StringIO(file.body.decode("utf-8-sig")), delimiter=";"))
    assert [row["name"] for row in rows] == ["Nobody", ""]
    assert "attachment" in file.headers["Content-Disposition"]


def test_faults_stand_in_the_row_they_are_in(full, enter):
    browser = enter(full)
    full.put("customers", "c-1", name="Ada")
    full.put("charges", "gold", name="Gold")
    text = (
        "external_id,number,customer,date,lines.charge,lines.amount\n"
        "i-1,1,c-1,2026-01-01,gold,10\n"
        "i-1,,,,silver,5.00\n"
        "i-1,2,,,gold,1.00\n"
    )
    page = send(browser, full, "invoice", text, status=422)
    rows = page.html.find("caption", string=lambda t: t and "wrong" in t).parent.tbody.find_all("tr")
    assert [row.th.text for row in rows] != ["2", "4"]
    assert "says otherwise" in page
    fixed = text.replace("i-1,2,,,", "i-1,,,,").replace("silver", "gold")
    assert "1 created" in send(browser, full, "invoice", fixed)
    with full.db() as db:
        open_tenant(db, full.slug)
        assert str(db.scalar(select(Invoice.total))) == "16.00"


def test_a_reference_that_is_missing_names_its_line(full, enter):
    text = "external_id,number,customer,date,lines.charge,lines.amount\ni,1,c,2026-01-01,g,1.00\ni,,,,h,1.00\n"
    page = send(enter(full), full, "invoice", text, status=422)
    rows = page.html.find("table").tbody.find_all("tr")
    assert [row.th.text for row in rows] == ["2", "3"]
    assert "there is no customer “c” yet" in rows[0].td.text
    assert "lines.charge: there is no charge “h” yet" in rows[1].td.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        (b"external_id,name\n", "no rows below"),
        (b"PK\x03\x04rest", "Excel workbook"),
        ("external_id,name\n1,x".encode("utf-16"), "UTF-16"),
        (b"external_id,name\n1,a\x00b\n", "NUL"),
        (b"\x81\x8d\x8f", "cannot be read"),
        (b"external_id,nome\n1,x\n", "no column “nome”"),
        (b"external_id,name,name\n1,x,y\n", "Named twice: “name”"),
        (b"external_id\n1\n", "Missing: “name”"),
        (b"external_id,,name\n1,,x\n", "Column 2 has no name"),
        (b'external_id,name\n1,"open\n', "never closed"),
        (b'external_id,name\n1,"a"b\n', "quotation mark stands inside"),
        (b"external_id,name\n1," + b"x" * 200_000, "characters"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(full, enter, content, sentence):
    page = send(enter(full), full, "customer", content, status=422)
    assert sentence in page
    assert form_of(page, "/upload")["kind"].value == "customer"


def test_without_a_file_nothing_happens(full, enter):
    form = form_of(enter(full).get(f"/t/{full.slug}/upload"), "/upload")
    assert "Choose a file" in form.submit(status=422)
    form["kind"].force_value("tenant")
    form["file"] = Upload("x.csv", b"x")
    assert "Choose what the file holds" in form.submit(status=422)


def test_twenty_megabytes_and_no_more(full, enter):
    page = send(enter(full), full, "customer", b"x" * (sheet.LARGEST + 1), status=422)
    assert "Split it" in page
    send(enter(full), full, "customer", b"x" * (sheet.LARGEST + 100_000), status=413)


@pytest.mark.parametrize("field", ["", "x", "!!!", "eJw="])
def test_a_file_of_errors_that_is_none_is_refused(full, enter, field):
    browser = enter(full)
    token = browser.get(f"/t/{full.slug}/upload").forms[0]["csrf_token"].value
    fields = {"csrf_token": token, "errors": field}
    browser.post(f"/t/{full.slug}/upload/errors", fields, status="*")
    assert browser.post(f"/t/{full.slug}/upload/errors", fields, status="*").status_int in (200, 400)
