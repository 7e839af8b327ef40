import datetime as dt

import pytest

from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox.company import Company
from hub.sandbox.refusals import ParseError
from tests.sandbox.conftest import Desk


def names(answer):
    return [ret.get("FullName") for ret in answer.returned]


def test_what_is_asked_for_by_name_and_missing_gives_500(desk):
    answer = desk.ask("AccountQuery", {"FullName": ["Checking", "bleech", "SAVINGS"]})
    assert (answer.code, answer.severity) == (500, "Warn")
    assert '"bleech"' in answer.text
    assert names(answer) == ["Checking", "Savings"]
    assert desk.ask("CustomerQuery", {"ListID": "80000001-1"}).code == 500
    assert desk.ask("InvoiceQuery", {"TxnID": "1-1"}).code == 500


def test_what_is_not_found_by_filter_gives_1(desk):
    answer = desk.ask("InvoiceQuery", {"RefNumber": "5001"})
    assert (answer.code, answer.severity) == (1, "Info")
    assert answer.text == "A query request did not find a matching object in QuickBooks"
    assert answer.element.attributes["retCount"] == "0"
    assert desk.ask("JournalEntryQuery").code == 1


def test_ref_numbers_are_found_with_and_without_case(desk):
    desk.invoice(RefNumber="a1")
    desk.invoice(RefNumber="A1")
    assert len(desk.ask("InvoiceQuery", {"RefNumber": "A1"}).returned) == 2
    assert len(desk.ask("InvoiceQuery", {"RefNumberCaseSensitive": "A1"}).returned) == 1
    assert desk.ask("InvoiceQuery", {"RefNumber": ["A1", "B1"]}).code == 500


def test_lines_come_only_on_request(desk):
    id = desk.invoice().get("TxnID")
    assert desk.do("InvoiceQuery", {"TxnID": id}).all("InvoiceLineRet") == []
    assert len(desk.look("Invoice", id).all("InvoiceLineRet")) == 1


def test_an_answer_can_be_cut_down_to_some_elements(desk):
    desk.invoice(RefNumber="5001")
    wanted = ["TxnID", "RefNumber"]
    shown = desk.do("InvoiceQuery", {"RefNumber": "5001", "IncludeRetElement": wanted})
    assert [element.name for element in shown] == wanted


def test_max_returned_cuts_silently(desk):
    answer = desk.ask("AccountQuery", {"MaxReturned": "3"})
    assert names(answer) == ["Checking", "Savings", "Accounts Receivable"]


def test_meta_data_only_counts(desk):
    answer = desk.ask("AccountQuery", metaData="MetaDataOnly")
    assert answer.returned == []
    assert int(answer.element.attributes["retCount"]) > 30


@pytest.fixture
def clocked(tmp_path):
    """A desk whose clock the test turns: local time, five hours behind Greenwich."""
    zone = dt.timezone(dt.timedelta(hours=-5))
    times = [dt.datetime(2026, 1, 1, 9, 0, 0, tzinfo=zone)]
    with Company(tmp_path / "clocked.qbw", "Clocked", clock=lambda: times[-1]) as company:
        desk = Desk(company)
        times.append(dt.datetime(2026, 1, 2, 23, 59, 59, tzinfo=zone))
        desk.customer("Late")
        times.append(dt.datetime(2026, 1, 3, 8, 0, 0, tzinfo=zone))
        yield desk


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"FromModifiedDate": "2026-01-02"}, ["Late"]),
        ({"FromModifiedDate": "2026-01-02T23:59:59"}, ["Late"]),
        ({"FromModifiedDate": "2026-01-02T23:59"}, ["Late"]),
        ({"FromModifiedDate": "2026-01-02T23:59:59-05:00"}, ["Late"]),
        ({"FromModifiedDate": "2026-01-03"}, []),
        ({"FromModifiedDate": "2026-01-02", "ToModifiedDate": "2026-01-02"}, ["Late"]),
        ({"ToModifiedDate": "2026-01-01T09:00:00"}, ["Abercrombie, Kristy", "Kern Lighting Warehouse"]),
    ],
)
def test_lists_can_be_asked_for_changes(clocked, window, found):
    answer = clocked.ask("CustomerQuery", window)
    assert names(answer) == found


def test_times_are_local_with_an_offset(clocked):
    late = clocked.do("CustomerQuery", {"FullName": "Late"})
    assert late.get("TimeModified") == "2026-01-02T23:59:59-05:00"


def test_transactions_can_be_asked_for_changes(clocked):
    clocked.invoice(customer="Late")
    window = {"FromModifiedDate": "2026-01-03"}
    assert clocked.ask("InvoiceQuery", {"ModifiedDateRangeFilter": window}).code == 0
    window = {"FromModifiedDate": "2026-01-04"}
    assert clocked.ask("InvoiceQuery", {"ModifiedDateRangeFilter": window}).code == 1


def test_a_span_that_ends_before_it_starts_is_refused(desk):
    window = {"FromModifiedDate": "2026-02-01", "ToModifiedDate": "2026-01-01"}
    desk.refuse("CustomerQuery", window, 3030)


def page(desk, size, **attributes):
    answer = desk.ask("CustomerQuery", {"MaxReturned": str(size), "ActiveStatus": "All"}, **attributes)
    return answer, names(answer)


def test_an_iterator_gives_a_list_in_pieces(desk):
    for number in range(5):
        desk.customer(f"C{number}")
    answer, first = page(desk, 3, iterator="Start")
    assert answer.remaining == 4
    _, second = page(desk, 3, iterator="Continue", iteratorID=answer.iterator_id)
    last, third = page(desk, 3, iterator="Continue", iteratorID=answer.iterator_id)
    assert (len(first), len(second), len(third), last.remaining) == (3, 3, 1, 0)
    assert len({*first, *second, *third}) == 7
    over, _ = page(desk, 3, iterator="Continue", iteratorID=answer.iterator_id)
    assert over.code == 3391


def test_an_iterator_can_be_stopped(desk):
    answer, _ = page(desk, 1, iterator="Start")
    page(desk, 1, iterator="Stop", iteratorID=answer.iterator_id)
    assert page(desk, 1, iterator="Continue", iteratorID=answer.iterator_id)[0].code == 3391


def test_an_iterator_ends_with_its_session(desk):
    answer, _ = page(desk, 1, iterator="Start")
    desk.quickbooks.begin_session()
    assert page(desk, 1, iterator="Continue", iteratorID=answer.iterator_id)[0].code == 3391


def test_transactions_have_iterators(desk):
    desk.invoice()
    desk.invoice()
    answer = desk.ask("InvoiceQuery", {"MaxReturned": "1"}, iterator="Start")
    again = desk.ask(
        "InvoiceQuery", {"MaxReturned": "1"}, iterator="Continue", iteratorID=answer.iterator_id
    )
    assert {answer.returned[0].name, again.returned[0].name} == {"InvoiceRet"}
    assert answer.returned[0].get("TxnID") != again.returned[0].get("TxnID")


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("AccountQuery", {"iterator": "Start"}),
        ("CustomerQuery", {"iterator": "Begin"}),
        ("CustomerQuery", {"iterator": "Continue"}),
        ("CustomerQuery", {"iteratorID": "{x}"}),
        ("CustomerQuery", {"iterator": "Start", "iteratorID": "{x}"}),
    ],
)
def test_iterators_where_there_are_none_cannot_be_read(desk, kind, attributes):
    with pytest.raises(ParseError):
        desk.quickbooks.process(qbxml.message([Request(kind, "1", {}, attributes)]))


def test_the_greeting_tells_about_host_company_and_preferences(desk):
    owner = "{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}"
    desk.company.stamp(owner, "FileID", "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}")
    desk.company.prefer(ClosingDate="2025-12-31")
    host, company, preferences = qbxml.parse_answers(desk.quickbooks.greet(owner)).answers
    assert (host.request_id, company.request_id, preferences.request_id) == ("0", "1", "2")
    assert "13.0" in [one.text for one in host.returned[0].all("SupportedQBXMLVersion")]
    assert company.returned[0].get("LegalCompanyName") == "Acme Inc"
    stamp = company.returned[0].find("DataExtRet")
    assert (stamp.get("OwnerID"), stamp.get("DataExtName")) == (owner, "FileID")
    shown = preferences.returned[0]
    assert shown.get("AccountingPreferences/ClosingDate") == "2025-12-31"
    assert shown.get("MultiCurrencyPreferences/IsMultiCurrencyOn") == "false"
    desk.ask("HostQuery")
    desk.ask("CompanyQuery", {"OwnerID": owner})
    desk.ask("PreferencesQuery")


def test_a_moment_with_an_offset_is_turned_into_local_time(clocked):
    def code(moment):
        return clocked.ask("CustomerQuery", {"FromModifiedDate": moment}).code

    assert code("2026-01-02T23:59:59") == code("2026-01-02T23:59:59-05:00") == 0
    assert code("2026-01-03T04:59:59+00:00") == code("2026-01-02T23:59") == 0
    assert code("2026-01-03T05:00:00+00:00") == code("2026-01-03T00:00:00") == 1


@pytest.mark.parametrize(
    ("name", "ret"),
    [
        ("abercrombie, kristy", "CustomerRet"),
        ("State Board of Equalization", "VendorRet"),
        ("Dan T. Miller", "EmployeeRet"),
        ("Petty Cash Custodian", "OtherNameRet"),
    ],
)
def test_an_entity_is_found_in_every_list_of_names(desk, name, ret):
    answer = desk.ask("EntityQuery", {"FullName": [name, "Nobody"]})
    assert (answer.code, [one.name for one in answer.returned]) == (500, [ret])
    assert desk.do("EntityQuery", {"ListID": answer.returned[0].get("ListID")}).name == ret


def test_entities_vendors_and_terms_can_be_listed(desk):
    first = desk.ask("EntityQuery", {"MaxReturned": "3"}, iterator="Start")
    rest = desk.ask(
        "EntityQuery", {"MaxReturned": "3"}, iterator="Continue", iteratorID=first.iterator_id
    )
    assert len(first.returned) + len(rest.returned) == 5
    assert [one.get("Name") for one in desk.ask("VendorQuery").returned] == [
        "State Board of Equalization"
    ]
    terms = desk.ask("TermsQuery").returned
    assert (terms[1].name, terms[1].get("Name"), terms[1].get("StdDueDays")) == (
        "StandardTermsRet",
        "Net 15",
        "15",
    )


def test_many_ids_are_asked_for_at_once_with_some_elements(desk):
    ids = [desk.invoice(RefNumber=str(number)).get("TxnID") for number in range(3)]
    wanted = {"IncludeRetElement": ["TxnID", "EditSequence", "RefNumber"]}
    answer = desk.ask("InvoiceQuery", {"TxnID": [*ids, "FFFF-1"], **wanted})
    assert (answer.code, answer.severity) == (500, "Warn")
    assert "FFFF-1" in answer.text
    assert [[part.name for part in one] for one in answer.returned] == [
        ["TxnID", "EditSequence", "RefNumber"]
    ] * 3
    customers = [one.get("ListID") for one in desk.ask("CustomerQuery").returned]
    answer = desk.ask("CustomerQuery", {"ListID": customers, "IncludeRetElement": ["ListID", "Name"]})
    assert (answer.code, len(answer.returned)) == (0, 3)


def test_transactions_are_found_by_date_name_and_number(clocked):
    clocked.invoice("10.00", "Ada", TxnDate="2026-01-05", RefNumber="B_1")
    clocked.invoice("20.00", "Bob", TxnDate="2026-01-06", RefNumber="B21")

    def found(**filters):
        answer = clocked.ask("InvoiceQuery", filters)
        return [one.get("RefNumber") for one in answer.returned]

    assert found(TxnDateRangeFilter={"FromTxnDate": "2026-01-06"}) == ["B21"]
    assert found(TxnDateRangeFilter={"ToTxnDate": "2026-01-05"}) == ["B_1"]
    assert found(EntityFilter={"FullName": ["bob", "Nobody"]}) == ["B21"]
    assert found(EntityFilter={"FullName": "Nobody"}) == []
    ada = clocked.do("CustomerQuery", {"FullName": "Ada"}).get("ListID")
    assert found(EntityFilter={"ListID": ada}) == ["B_1"]
    assert found(RefNumberFilter={"MatchCriterion": "StartsWith", "RefNumber": "b_"}) == ["B_1"]
    assert found(RefNumberFilter={"MatchCriterion": "EndsWith", "RefNumber": "1"}) == ["B_1", "B21"]
    assert found(RefNumberFilter={"MatchCriterion": "Contains", "RefNumber": "2"}) == ["B21"]
