"""protocol.md A.6: who is at the other end, and that nothing is written into any other company."""

import re

import pytest

from hub.books.connections import confirm
from hub.books.models import Trouble
from hub.sandbox.company import Company
from tests.protocol.conftest import connection, customers, imported, messages, passes, sessions, states
from tests.world import check_messages


@pytest.fixture
def ready(full):
    """A tenant whose company file was confirmed, with a customer that waits."""
    full.sync()
    customers(full, "Ada")
    return full


def stamped(company, owner, file_id="{00000000-0000-0000-0000-000000000001}"):
    company.stamp(owner, "FileID", file_id)


CASES = {
    "another file": (
        lambda company, owner: stamped(company, owner),
        Trouble.WRONG_FILE,
        "is not the company file this connection was set up for",
    ),
    "no stamp": (
        lambda company, owner: stamped(company, owner, ""),
        Trouble.UNSTAMPED,
        "does not carry this connection's mark",
    ),
    "sample": (
        lambda company, owner: company.describe(is_sample=True),
        Trouble.SAMPLE,
        "is QuickBooks' sample company",
    ),
    "canada": (
        lambda company, owner: company.describe(country="CA"),
        Trouble.COUNTRY,
        "is kept in QuickBooks' CA edition",
    ),
    "renamed": (
        lambda company, owner: company.describe(name="Acme Holding"),
        Trouble.MOVED,
        "moved, renamed or copied",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_goes_into_a_company_that_is_not_the_one(ready, caller, case):
    """A.6: write nothing, return "" and a clear getLastError; the tenant reads it too."""
    change, trouble, words = CASES[case]
    one = caller(ready)
    change(one.company, one.qwc.owner_id)
    one.open()

    assert one.ask() == ""

    sentence = one.calls.get_last_error()
    assert words in sentence
    assert one.calls.close_connection().startswith(sentence)
    found = ready.connection()
    assert (found.trouble, found.problem) == (trouble, sentence)
    assert states(ready) == ["queued"]
    assert ready.counts()["Customer"] == 2


@pytest.mark.parametrize("case", CASES)
def test_a_company_that_is_not_the_one_is_not_taken_at_first_either(full, caller, case):
    """A.6: before anybody confirmed, too, but for what only a second look can tell."""
    change, trouble, words = CASES[case]
    customers(full, "Ada")
    one = caller(full)
    change(one.company, one.qwc.owner_id)
    one.open()
    if trouble is Trouble.MOVED:
        assert one.finish()[1] == "1 booked. All is well."
        return
    assert one.ask() == ""
    assert words in one.calls.get_last_error()
    assert full.connection().confirmed is None
    assert not imported(full)


@pytest.mark.parametrize("case", ["another file", "sample", "canada", "renamed"])
def test_when_the_right_company_is_back_everything_goes_on(ready, caller, case):
    """A.6: nothing is lost by a run with the wrong company."""
    change, _, _ = CASES[case]
    one = caller(ready)
    before = {"name": one.company.name, "country": "US", "is_sample": False}
    change(one.company, one.qwc.owner_id)
    one.open().ask()
    one.calls.close_connection()
    one.company.describe(**before)
    one.stamp()
    assert one.open().finish()[1] == "1 booked. All is well."
    assert (ready.connection().trouble, ready.connection().problem) == (None, None)


def moved(tenant, one, name="moved"):
    """The company file as it is, at another place."""
    path = tenant.company_path.with_name(f"{name}-{tenant.company_path.name}")
    one.company.back_up(path)
    return Company(path)


def test_a_moved_file_waits_for_a_person_who_says_that_it_is_the_one(ready, caller):
    """A.6: pin the path on first success; another one may be a copy."""
    one = caller(ready)
    with moved(ready, one) as company:
        two = caller(ready, company=company)
        two.knock()
        assert two.ask() == ""
        assert "was moved, renamed or copied" in two.calls.get_last_error()
        two.calls.close_connection()
        assert ready.connection().found["path"] == str(company.path)
        connection(ready, confirm)
        assert two.open().finish()[1] == "1 booked. All is well."
        assert company.lists.named("Customer", "Ada")
    assert not one.company.lists.named("Customer", "Ada")
    assert ready.connection().company_path == str(company.path)


def test_the_file_that_was_left_behind_is_told_apart_as_a_copy(ready, caller):
    """A.6: both carry the stamp; after one was chosen, the other is not written into."""
    one = caller(ready)
    with moved(ready, one) as company:
        two = caller(ready, company=company)
        two.knock()
        two.ask()
        two.calls.close_connection()
        connection(ready, confirm)
        two.open().finish()
        customers(ready, "Ben")
        one.knock()
        assert one.ask() == ""
        assert "looks like a copy" in one.calls.get_last_error()
        one.calls.close_connection()
        assert not one.company.lists.named("Customer", "Ben")
        assert ready.connection().trouble is Trouble.MOVED


def test_windows_writes_one_path_in_many_ways(ready, caller):
    """A.6: neither case nor the slant of the strokes makes another file."""
    one = caller(ready)
    written = str(ready.company_path).upper().replace("/", "\\")
    connection(ready, lambda found: setattr(found, "company_path", written))
    one.knock()
    assert "CustomerAddRq" in one.ask()


@pytest.mark.parametrize("written", ["{{{}}}", "{}"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_stamps_are_compared_without_case_and_braces(ready, caller, written, case):
    """A.6: compare GUIDs without case and braces; AppLock is none."""
    one = caller(ready)
    one.company.stamp(one.qwc.owner_id, "FileID", case(written.format(one.qwc.file_id.strip("{}"))))
    one.company.stamp(one.qwc.owner_id, "AppLock", "LOCKED:PC:638000000000000000")
    assert one.open().finish()[1] == "1 booked. All is well."


def test_a_lock_is_no_stamp(ready, caller):
    """A.6: ignore DataExtName AppLock."""
    one = caller(ready)
    stamped(one.company, one.qwc.owner_id, "")
    one.company.stamp(one.qwc.owner_id, "AppLock", one.qwc.file_id)
    one.knock()
    assert one.ask() == ""
    assert "does not carry this connection's mark" in one.calls.get_last_error()


@pytest.mark.parametrize(
    "greeting",
    [
        "",
        "<html>",
        '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs /></QBXML>',
        '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><HostQueryRs requestID="0" statusCode="0">'
        "<HostRet><Country>US</Country></HostRet></HostQueryRs></QBXMLMsgsRs></QBXML>",
    ],
    ids=["nothing", "html", "no answers", "no company"],
)
def test_without_a_word_of_the_company_nothing_goes(ready, caller, greeting):
    """A.6, A.8 QBWC1014: no usable Host, Company and Preferences answer."""
    one = caller(ready).open()
    assert one.calls.send_request_xml(greeting) == ""
    assert one.calls.get_last_error()
    assert ready.connection().trouble is Trouble.NO_COMPANY
    assert one.ask() == ""
    assert states(ready) == ["queued"]


def rewritten(one, pattern, by):
    """What QuickBooks says of itself, with something else in it."""
    return re.sub(pattern, by, one.quickbooks.greet(one.qwc.owner_id))


def test_the_web_connectors_word_on_the_country_counts_where_quickbooks_has_none(ready, caller):
    """A.3 sendRequestXML: qbXMLCountry."""
    one = caller(ready).open()
    silent = rewritten(one, "<Country>US</Country>", "")
    assert one.calls.send_request_xml(silent, str(one.company.path), "UK") == ""
    assert "UK edition" in one.calls.get_last_error()


@pytest.mark.parametrize(
    ("supported", "spoken"), [("8.0", ""), ("9.0", "9.0"), ("12.0", "12.0"), ("16.0", "13.0")]
)
def test_the_highest_version_that_both_know_is_spoken(ready, caller, supported, spoken):
    """A.6, C.1: the lower of 13.0 and the highest in HostRet; below 9.0 there is no ExternalGUID."""
    versions = f"<SupportedQBXMLVersion>{supported}</SupportedQBXMLVersion>"
    one = caller(ready).open()
    greeting = rewritten(one, "(<SupportedQBXMLVersion>.*</SupportedQBXMLVersion>\\s*)+", versions)
    message = one.calls.send_request_xml(greeting, str(one.company.path), "US")
    if spoken:
        assert f'<?qbxml version="{spoken}"?>' in message
    else:
        assert message == ""
        assert "older than 2010" in one.calls.get_last_error()


def test_nothing_is_asked_of_a_lost_message_in_another_file(ready, caller):
    """D.4: recovery must hit the same company file, so it is checked first."""
    one = caller(ready).open()
    one.quickbooks.process(one.until("CustomerAdd"))
    passes(ready, "1 hour")
    with Company(ready.company_path.with_name("other.qbw"), "Other") as company:
        two = caller(ready, company=company)
        two.knock()
        assert two.ask() == ""
        assert two.calls.close_connection()
    assert states(ready) == ["sent"]
    assert one.open().finish()[1] == "1 booked. All is well."


def test_before_a_person_confirms_lists_are_read_and_nothing_is_written(world):
    """A.6: the first session only looks."""
    tenant = world.tenant("full", confirm_company=False)
    customers(tenant, "Ada")
    outcome = tenant.sync()
    assert outcome.ok
    assert "Nothing is written yet: confirm" in outcome.message
    assert not any("Add" in message for message in tenant.messages())
    assert imported(tenant)
    assert tenant.sync().nothing_to_do
    connection(tenant, confirm)
    assert tenant.sync().message == "1 booked. All is well."
    check_messages(tenant.transcript)


def test_a_closed_period_is_known_before_anything_is_sent(ready, caller):
    """A.6 PreferencesRet: ClosingDate, read again with every session."""
    ready.put("charges", "gold", name="Gold", item="Subscription")
    lines = [{"charge": "gold", "amount": "5.00"}]
    ready.put("invoices", "i", number="1", customer="Ada", date="2026-05-03", lines=lines)
    one = caller(ready)
    one.company.prefer(ClosingDate="2026-05-31")
    assert one.open().finish()[1].startswith("1 booked, 1 held")
    assert not any("InvoiceAdd" in message.text for message in messages(ready))
    one.company.prefer(ClosingDate="")
    ready.a_day_passes()
    assert one.open().finish()[1] == "1 booked. All is well."
    assert sessions(ready)[-1].refused == 0
