"""protocol.md E.1 to E.5 and C.1: every value as QuickBooks wants it, and every text as it may come."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.books.models import Link
from hub.sandbox import faults, people
from tests.protocol.conftest import bill, customers, imported, messages, operations, passes, pay, rows


@pytest.fixture
def tenant(shared):
    yield shared
    passes(shared, "1 hour")


def stored(tenant, name):
    """The customer of that name as QuickBooks keeps it."""
    with tenant.company() as company:
        return company.lists.named("Customer", name)


def last(tenant):
    return messages(tenant)[-1].text


def test_the_envelope_is_of_the_version_that_was_agreed(tenant):
    """C.1: declaration, qbxml instruction before the root, onError, ids of at most 24 and 50."""
    customers(tenant, "Envelope")
    tenant.sync()
    text = last(tenant)
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<?qbxml version="13.0"?>\n<QBXML>')
    assert re.search('<QBXMLMsgsRq onError="continueOnError" newMessageSetID="[0-9a-f]{24}">', text)
    assert re.search(r'requestID="\d{1,19}"', text)


def test_answers_are_told_apart_by_their_request_ids(tenant):
    """C.1: answers are matched by requestID, in whatever order they come."""
    customers(tenant, "First", "Second")

    def turned(text):
        found = re.findall(r"<CustomerAddRs .*?</CustomerAddRs>\n", text, re.DOTALL)
        return text.replace("".join(found), "".join(reversed(found)))

    assert tenant.sync(plan=faults.whenever("CustomerAdd", faults.Garble(turned))).ok
    ids = {one.subject: one.object_id for one in rows(tenant, Link)}
    first, second = operations(tenant)[-2:]
    assert ids[first.subject] == stored(tenant, "First").id
    assert ids[second.subject] == stored(tenant, "Second").id


@pytest.mark.parametrize("severity", ["Info", "Warn", "Error"])
def test_the_code_counts_and_not_the_severity(tenant, severity):
    """C.1: a 3210 refusal was recorded with severity Info."""
    name = f"Severity {severity}"
    customers(tenant, name)
    plan = faults.refusing(f"<Name>{name}</Name>", 3210, "No.", severity=severity)
    assert tenant.sync(plan=plan).ok
    assert operations(tenant)[-1].state.value == "failed"
    assert stored(tenant, name) is None


# E.1, E.2, E.5


@pytest.mark.parametrize("amount", ["0.01", "10.00", "9999999.99"])
def test_amounts_have_exactly_two_decimals(full, amount):
    """E.1 AMTTYPE: no thousands separators, no exponent, a point."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full, amount=amount)
    pay(full, amount=amount)
    assert full.sync().message == "3 booked. All is well."
    texts = "".join(one.text for one in messages(full))
    assert set(re.findall(r"<(?:Amount|TotalAmount|PaymentAmount)>([^<]*)<", texts)) == {amount}
    assert full.proof().difference == 0


def test_dates_are_plain_and_guids_have_braces(full):
    """E.1 DATETYPE, GUIDTYPE; E.2: TxnDate is a plain local date; D.5: ExternalGUID on each addition."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    pay(full)
    full.sync()
    texts = "".join(one.text for one in messages(full))
    assert set(re.findall("<TxnDate>([^<]*)<", texts)) == {"2026-05-03", "2026-05-04"}
    guids = re.findall("<ExternalGUID>([^<]*)<", texts)
    assert len(guids) == len(set(guids)) == 3
    assert all(re.fullmatch(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", guid) for guid in guids)


def test_empty_fields_are_left_out(tenant):
    """E.5: on an addition simply leave out empty elements."""
    customers(tenant, "Bare", phone="", company=None)
    tenant.sync()
    assert not re.search(r"<(\w+)></\1>|<\w+ ?/>", last(tenant))


# E.3 and E.4: names


@pytest.mark.parametrize(
    ("name", "kept", "wire"),
    [
        ("Zoë Ñandú", "Zoë Ñandú", "Zo&#235; &#209;and&#250;"),
        ("Café “Süß” – €5", "Café “Süß” – €5", "&#8364;5"),
        ("Smith & Sons <b>", "Smith & Sons <b>", "Smith &amp; Sons &lt;b&gt;"),
        ('O\'Hara "Pub"', 'O\'Hara "Pub"', "O'Hara &quot;Pub&quot;"),
        ("Łódź", "Lódz", "L&#243;dz"),
        ("日本", "??", "??"),
        ("Zoe\u0308", "Zoë", "Zo&#235;"),
    ],
)
def test_a_name_arrives_in_ascii_and_is_kept_as_far_as_quickbooks_can(tenant, name, kept, wire):
    """E.3: pure ASCII, Windows-1252 as decimal references, everything else in plain letters or ?."""
    customers(tenant, name)
    outcome = tenant.sync()
    assert outcome.ok
    text = last(tenant)
    assert text.isascii()
    assert wire in text
    assert stored(tenant, kept) is not None
    assert operations(tenant)[-1].state.value == "done"
    before = len(messages(tenant))
    tenant.sync()
    assert len(messages(tenant)) == before


@pytest.mark.parametrize("length", [40, 41])
@pytest.mark.parametrize("letter", ["x", "é", "&"])
def test_a_name_at_its_limit_goes_whole(tenant, length, letter):
    """E.4: 41 characters, counted after unescaping."""
    name = f"{letter * (length - 3)} {length}"
    customers(tenant, name)
    assert tenant.sync().ok
    assert stored(tenant, name) is not None


def test_a_name_beyond_its_limit_waits_for_a_person(tenant):
    """E.4: never cut, as two cut names may be one."""
    customers(tenant, "x" * 42)
    tenant.sync()
    assert operations(tenant)[-1].state.value == "held"
    assert stored(tenant, "x" * 41) is None
    customers(tenant, "x" * 42, version=2)
    tenant.put("customers", "x" * 42, name="Short", version=3)
    assert tenant.sync().ok


@pytest.mark.parametrize("name", ["Parent:Child", "Parent\uff1aChild"])
def test_a_colon_in_a_name_waits_for_a_person(tenant, name):
    """E.3, D.2 3090: names in a list cannot contain a colon, nor what becomes one."""
    customers(tenant, name)
    tenant.sync()
    one = operations(tenant)[-1]
    assert one.state.value == "held"
    assert "colon" in one.note


@pytest.mark.parametrize("name", ["Tab\there", "Line\nbreak", "Carriage\rreturn"])
def test_a_name_of_more_than_a_line_waits_for_a_person(tenant, name):
    """E.4: names in a list cannot contain a tab or a line break."""
    customers(tenant, name)
    tenant.sync()
    assert operations(tenant)[-1].state.value == "held"
    assert "a tab or a line break" in operations(tenant)[-1].note


def test_a_letter_that_becomes_two_counts_as_two(tenant):
    """E.3, E.4: № is written No, so forty of them do not fit in 41."""
    customers(tenant, "\u2116" * 40, "\u2116" * 20)
    tenant.sync()
    short, long = operations(tenant)[-2:]
    assert (short.state.value, long.state.value) == ("done", "held")
    assert "Name has 80 characters and QuickBooks keeps 41" in long.note
    assert stored(tenant, "No" * 20) is not None


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1, max_size=30))
def test_any_text_that_is_taken_is_booked_or_waits_for_a_person(shared, text):
    """E.3: whatever is in it, the message can be read and nothing else is held up."""
    number = len(operations(shared))
    body = {"name": f"{number} {text}", "version": 1, "phone": text[:21], "company": text}
    shared.batch([("customer", f"any-{number}", body)], partial=True, status="*")
    customers(shared, f"Next {number}")
    outcome = shared.sync()
    assert outcome.ok, outcome
    assert stored(shared, f"Next {number}") is not None
    assert not outcome.hresults


# E.3: what QuickBooks says


@pytest.mark.parametrize(
    ("written", "read"),
    [("Caf\u00e9 \u20ac", "Café €"), ("A\x1fB", "AB"), ("Tom & <Jerry>", "Tom & <Jerry>")],
)
@pytest.mark.parametrize("raw", [True, False])
def test_names_from_quickbooks_are_read_whatever_is_in_them(full, written, read, raw):
    """E.3: numeric references or raw letters, and control characters that XML forbids."""
    with full.company() as company:
        people.rename(company, "Customer", "Kern Lighting Warehouse", written)
    plan = faults.always(faults.RAW) if raw else faults.all_well
    assert full.sync(plan=plan).ok
    assert read in imported(full)


def test_an_answer_without_a_declared_encoding_is_read_as_the_text_it_is(full, caller):
    """E.3: parse from the Unicode SOAP string, not from bytes."""
    full.sync()
    customers(full, "Zoë")
    one = caller(full).open()
    answer = one.quickbooks.process(one.until("CustomerAdd"))
    other = re.sub(r"<\?xml[^>]*\?>", '<?xml version="1.0" encoding="utf-16"?>', answer)
    assert one.calls.receive_response_xml(other.replace("&#235;", "ë")) == 100
    assert operations(full)[-1].state.value == "done"
