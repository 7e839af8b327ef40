"""Reading records from a spreadsheet."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused, TooLarge
from hub.ledger import contract, sheet

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30
).filter(lambda text: text == text.strip() and text)
ids = st.text("abcdefghij-0123456789", min_size=1, max_size=12)
amounts = st.decimals(-9999, 9999, places=2).map(lambda value: f"{value:.2f}")


def write(rows, delimiter=",", ending="\r\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(rows)
    return text.getvalue()


@given(
    st.dictionaries(ids, st.tuples(words, words), min_size=1, max_size=20),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_customers_come_back_as_they_were_written(customers, delimiter, ending, encoding):
    rows = [["external_id", "name", "email"], *([id_, *both] for id_, both in customers.items())]
    read = sheet.read("customer", write(rows, delimiter, ending).encode(encoding))
    found = {one.external_id: (one.body["name"], one.body["email"]) for one in read.records}
    assert found == customers
    assert not any(one.faults for one in read.records)


@given(
    st.dictionaries(ids, st.lists(amounts, min_size=1, max_size=5), min_size=1, max_size=8), st.randoms()
)
def test_lines_are_gathered_by_their_record_in_order(invoices, draw):
    head = ["external_id", "number", "customer", "date", "lines.charge", "lines.amount"]
    queues = {id_: list(lines) for id_, lines in invoices.items()}
    rows = [head]
    while any(queues.values()):
        id_ = draw.choice([one for one, queue in queues.items() if queue])
        first = len(queues[id_]) == len(invoices[id_])
        once = ["n", "c", "2026-01-31"] if first else ["", "", ""]
        rows.append([id_, *once, "gold", queues[id_].pop(0)])
    read = sheet.read("invoice", write(rows).encode())
    found = {one.external_id: [line["amount"] for line in one.body["lines"]] for one in read.records}
    assert found == {
        id_: [a.replace("-0.00", "-0.00") for a in lines] for id_, lines in invoices.items()
    }
    for one in read.records:
        assert contract.faults("invoice", one.body | {"version": 1}) == []


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    for kind in ("customer", "payment"):
        with suppress(Refused):
            sheet.read(kind, raw)


@given(st.text(max_size=200), st.sampled_from(contract.KINDS))
def test_any_text_under_a_right_header_is_read_or_refused(text, kind):
    header = ",".join(sheet.columns(kind))
    try:
        read = sheet.read(kind, f"{header}\n{text}".encode("utf-8", "replace"))
    except Refused:
        return
    for one in read.records:
        contract.faults(kind, one.body | {"version": one.body.get("version", 1)})
        one.refuse("/lines/7/amount", "is wrong.")
    assert read.complain()
    again = sheet.read(kind, read.with_errors(all_rows=True).encode("utf-8-sig"))
    assert [one.external_id for one in again.records] == [one.external_id for one in read.records]
    assert [one.body for one in again.records] == [one.body for one in read.records]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", "12.00"),
        ("12.", "12.00"),
        ("12.5", "12.50"),
        ("-12.50", "-12.50"),
        ("1,234.50", "1234.50"),
        ("1,234,567", "1234567.00"),
        ("12,50", "12,50"),
        ("1,23", "1,23"),
        ("1e3", "1e3"),
        ("12.505", "12.505"),
        ("$12", "$12"),
        ("١٢", "١٢"),
    ],
)
def test_amounts_as_spreadsheets_write_them(cell, value):
    read = sheet.read("charge", write([["external_id", "name", "price"], ["g", "Gold", cell]]).encode())
    assert read.records[0].body["price"] == value


@pytest.mark.parametrize(("cell", "value"), [("Yes", True), ("TRUE", True), ("no", False), ("", None)])
def test_flags(cell, value):
    read = sheet.read("charge", f"external_id,name,taxable\ng,Gold,{cell}\n".encode())
    assert read.records[0].body.get("taxable") is value
    assert not read.records[0].faults


def test_a_flag_that_is_neither_is_told():
    (one,) = sheet.read("charge", b"external_id,name,taxable\ng,Gold,maybe\n").records
    assert one.faults[0].pointer == "/taxable"


def test_versions_are_numbers():
    first, second = sheet.read("customer", b"external_id,version,name\na,3,A\nb,x,B\n").records
    assert first.body["version"] == 3
    assert contract.faults("customer", second.body)


def test_windows_letters_are_read():
    (one,) = sheet.read("customer", "external_id,name\nc,Müller – Söhne\n".encode("cp1252")).records
    assert one.body["name"] == "Müller – Söhne"


def test_headers_may_be_shouted_and_spaced():
    (one,) = sheet.read("customer", b" External_ID , NAME ,,\nc,Ada,,\n").records
    assert one.body == {"name": "Ada"}


def test_blank_lines_and_line_breaks_in_cells():
    raw = b'\r\nexternal_id,name,company\r\n\r\n,,\r\nc,Ada,"Ada\nand sons"\r\nd,Ben,\r\n'
    read = sheet.read("customer", raw)
    assert [one.external_id for one in read.records] == ["c", "d"]
    assert read.records[0].body["company"] == "Ada\nand sons"
    assert [row.line for row in read.rows] == [5, 7]


def test_more_cells_than_columns_are_told():
    (one,) = sheet.read("customer", b"external_id,name\nc,Ada,more\n").records
    assert "more cells" in one.faults[0].sentence


def test_rows_without_an_id_are_records_of_their_own():
    read = sheet.read("customer", b"external_id,name\n,Ada\n,Ben\n")
    assert [one.external_id for one in read.records] == ["", ""]


def test_an_address_has_parts():
    text = "external_id,name,bill_address.city,bill_address.line1\nc,Ada,Springfield,\n"
    (one,) = sheet.read("customer", text.encode()).records
    assert one.body["bill_address"] == {"city": "Springfield"}


def test_what_is_too_long_is_refused():
    with pytest.raises(TooLarge):
        sheet.read("customer", b"x" * (sheet.LARGEST + 1))


@pytest.mark.parametrize("kind", contract.KINDS)
def test_every_template_is_right(kind):
    read = sheet.read(kind, sheet.template(kind).encode("utf-8-sig"))
    for one in read.records:
        assert contract.faults(kind, one.body | {"version": 1}) == []
        assert one.external_id


def test_a_description_alone_is_a_line_of_text():
    rows = [
        (
            "external_id",
            "number",
            "customer",
            "date",
            "lines.charge",
            "lines.amount",
            "lines.description",
        ),
        ("i-1", "1", "c-1", "2026-01-05", "", "", "January"),
        ("i-1", "", "", "", "gold", "49.00", ""),
    ]
    read = sheet.read("invoice", "\n".join(map(",".join, rows)).encode())
    (record,) = read.records
    assert record.body["lines"] == [{"description": "January"}, {"charge": "gold", "amount": "49.00"}]
    assert not contract.faults("invoice", record.body | {"version": 1})
