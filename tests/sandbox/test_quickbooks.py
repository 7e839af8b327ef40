import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import HubError
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox import books, faults
from hub.sandbox.company import Company
from hub.sandbox.faults import LineDead
from hub.sandbox.refusals import ParseError, RequestProcessorError
from tests.checker import CHECKS, assert_valid
from tests.sandbox.conftest import Desk, snapshot

ADA = Request("CustomerAdd", "1", {"CustomerAdd": {"Name": "Ada Ltd"}})
SET = qbxml.message([ADA], set_id="t42-1")


def status(desk, **ids):
    attributes = "".join(f' {name}="{value}"' for name, value in ids.items())
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<?qbxml version="13.0"?>\n'
        f'<QBXML><QBXMLMsgsRq onError="continueOnError"{attributes}></QBXMLMsgsRq></QBXML>'
    )
    return desk.send(text).set_code


def test_every_message_here_is_checked_against_the_published_schema():
    if not CHECKS:
        pytest.skip("the schema checker is not on this machine")
    with pytest.raises(AssertionError):
        assert_valid("<QBXML><QBXMLMsgsRs/></QBXML>")


@pytest.mark.parametrize(
    "body",
    [
        "<CustomerAdd><Phone>1</Phone><Name>Ada</Name></CustomerAdd>",
        "<CustomerAdd><Name>Ada</Name><Colour>red</Colour></CustomerAdd>",
        "<CustomerAdd></CustomerAdd>",
        "<CustomerAdd><Name>Ada</Name><IsActive>yes</IsActive></CustomerAdd>",
        "<CustomerAdd><Name>Ad\xe9</Name></CustomerAdd>",
        "<CustomerAdd><Name>Ada</CustomerAdd>",
    ],
)
def test_what_quickbooks_cannot_read_is_not_run(desk, body):
    text = qbxml.message([ADA]).replace("<CustomerAdd><Name>Ada Ltd</Name></CustomerAdd>", body)
    with pytest.raises(ParseError) as caught:
        desk.quickbooks.process(text)
    assert caught.value.hresult == "0x80040400"
    assert desk.ask("CustomerQuery", {"FullName": "Ada"}).code == 500


def test_amounts_have_two_decimals_and_no_thousands(desk):
    desk.customer()
    text = qbxml.message(
        [Request("ReceivePaymentAdd", "1", {"ReceivePaymentAdd": {"TotalAmount": "1.5"}})]
    )
    with pytest.raises(ParseError):
        desk.quickbooks.process(text)


def test_an_unknown_version_has_its_own_hresult(desk):
    with pytest.raises(ParseError) as caught:
        desk.quickbooks.process(qbxml.message([ADA], version="99.0"))
    assert caught.value.hresult == "0x80040423"


def test_a_request_id_has_fifty_characters(desk):
    answers = qbxml.parse_answers(
        desk.quickbooks.process(qbxml.message([Request("HostQuery", "x" * 51)]))
    ).answers
    assert answers[0].code == 1060


BAD = Request("CustomerAdd", "2", {"CustomerAdd": {"Name": "Dan T. Miller"}})
LATER = Request("CustomerAdd", "3", {"CustomerAdd": {"Name": "Bob"}})


def test_stop_on_error_leaves_the_rest_undone(desk):
    answers = desk.send(qbxml.message([ADA, BAD, LATER], on_error="stopOnError")).answers
    assert [answer.code for answer in answers] == [0, 3100, 3231]
    assert desk.ask("CustomerQuery", {"FullName": ["Ada Ltd", "Bob"]}).code == 500


def test_continue_on_error_goes_on(desk):
    answers = desk.send(qbxml.message([ADA, BAD, LATER])).answers
    assert [answer.code for answer in answers] == [0, 3100, 0]


def test_the_same_message_is_run_once_even_by_another_process(desk, company, path):
    first = desk.quickbooks.process(SET)
    assert_valid(first)
    assert desk.quickbooks.process(SET) == first
    company.close()
    with Company(path) as again:
        assert Desk(again).quickbooks.process(SET) == first
        assert books.counts(again)["Customer"] == 3


def test_another_message_under_the_same_id_is_refused(desk):
    desk.send(SET)
    answers = desk.send(qbxml.message([LATER], set_id="t42-1"))
    assert (answers.set_code, answers.answers) == (9001, [])


def test_a_set_can_be_asked_for_and_forgotten(desk):
    assert status(desk, newMessageSetID="t42-1", oldMessageSetID="t42-1") == 9002
    first = desk.send(SET)
    asked = desk.send(qbxml.status_query("t42-1"))
    assert [answer.code for answer in asked.answers] == [0]
    assert asked.answers[0].element.xml() == first.answers[0].element.xml()
    assert status(desk, oldMessageSetID="t42-1") == 0
    assert status(desk, oldMessageSetID="t42-1") == 600
    assert status(desk, newMessageSetID="t42-1", oldMessageSetID="t42-1") == 9002
    assert desk.send(SET).answers[0].code == 3100


def test_sets_can_be_chained(desk):
    desk.send(SET)
    chained = qbxml.message([LATER], set_id="t42-2").replace(
        'newMessageSetID="t42-2"', 'oldMessageSetID="t42-1" newMessageSetID="t42-2"'
    )
    assert desk.send(chained).answers[0].code == 0
    assert desk.send(chained).answers[0].code == 0
    assert status(desk, oldMessageSetID="t42-1") == 600
    assert status(desk, oldMessageSetID="t42-2") == 0


def test_a_set_id_has_24_characters(desk):
    desk.strict = False
    assert status(desk, newMessageSetID="x" * 25) == 9004


def test_a_set_id_alone_asks_too(desk):
    assert status(desk, newMessageSetID="t42-1") == 9002


def test_an_old_id_may_come_with_requests(desk):
    text = SET.replace("newMessageSetID", "oldMessageSetID")
    assert desk.send(text).answers[0].code == 0


def test_a_remembered_answer_may_be_short(company):
    desk = Desk(company, short_memory=True)
    first = desk.send(SET).answers[0].returned[0]
    again = desk.send(SET).answers[0].returned[0]
    assert again.name == "ErrorRecovery"
    assert again.get("ListID") == first.get("ListID")
    assert again.get("EditSequence") == first.get("EditSequence")
    void = qbxml.message([Request("TxnVoid", "1", {"TxnVoidType": "Invoice", "TxnID": "1-1"})], "t42-2")
    assert desk.send(void).answers[0].code == desk.send(void).answers[0].code == 3120


def test_a_lost_request_was_not_run(company):
    desk = Desk(company, plan=faults.script(faults.LOSE_REQUEST))
    with pytest.raises(LineDead):
        desk.send(SET)
    assert status(desk, newMessageSetID="t42-1", oldMessageSetID="t42-1") == 9002


def test_a_lost_answer_is_given_again(company):
    desk = Desk(company, plan=faults.script(None, faults.LOSE_ANSWER))
    desk.customer("Somebody")
    with pytest.raises(LineDead):
        desk.send(SET)
    assert desk.send(SET).answers[0].code == 0


@pytest.mark.parametrize(
    ("mishap", "hresult", "ran"),
    [
        (faults.MODAL_DIALOG, "0x80040414", False),
        (faults.UNEXPECTED, "0x80040402", False),
        (faults.UNEXPECTED_AFTER, "0x80040402", True),
        (faults.CRASH, "0x800706BA", False),
    ],
)
def test_quickbooks_may_answer_with_an_hresult(company, mishap, hresult, ran):
    desk = Desk(company, plan=faults.whenever("CustomerAdd", mishap))
    desk.ask("HostQuery")
    with pytest.raises(RequestProcessorError) as caught:
        desk.send(SET)
    assert caught.value.hresult == hresult
    assert (status(desk, newMessageSetID="t42-1", oldMessageSetID="t42-1") == 0) is ran


def test_a_killed_process_leaves_nothing_of_a_message(path):
    program = textwrap.dedent(
        f"""
        from hub.sandbox import faults
        from hub.sandbox.company import Company
        from hub.sandbox.quickbooks import QuickBooks
        quickbooks = QuickBooks(Company({str(path)!r}), plan=faults.script(faults.KILL))
        quickbooks.process({SET!r})
        """
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    with Company(path) as company:
        desk = Desk(company)
        assert desk.ask("CustomerQuery", {"FullName": "Ada Ltd"}).code == 500
        assert desk.send(SET).answers[0].code == 0


def test_an_accident_in_the_middle_leaves_nothing(desk, company):
    before = snapshot(company)

    def accident():
        with company.atomic():
            company.lists.add("Class", "North")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        accident()
    assert snapshot(company) == before


def test_a_company_without_a_legal_name_has_its_own(tmp_path):
    with Company.create(tmp_path / "b.qbw", "B") as company:
        assert company.legal_name == "B"


def test_a_company_that_died_while_it_was_made_is_made_again(path):
    path.touch()
    with Company(path, "Acme") as company:
        assert company.name == "Acme"


def test_an_existing_company_is_not_overwritten(path, company):
    with pytest.raises(HubError):
        Company.create(path, "Other")


def test_preferences_have_fixed_names(company):
    with pytest.raises(HubError):
        company.prefer(ClosingDay="2025-12-31")


def test_only_the_open_company_file_can_be_asked_for(desk, path):
    desk.quickbooks.begin_session(str(path))
    with pytest.raises(RequestProcessorError) as caught:
        desk.quickbooks.begin_session("C:\\other.qbw")
    assert caught.value.hresult == "0x8004040A"


cents = st.integers(min_value=1, max_value=10**7).map(lambda value: f"{value / 100:.2f}")
steps = st.lists(
    st.tuples(st.sampled_from(["invoice", "credit_memo", "payment", "auto", "void", "delete"]), cents),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(steps)
def test_the_books_balance_and_agree_with_what_is_open(tmp_path_factory, steps):
    with Company(tmp_path_factory.mktemp("p") / "p.qbw") as company:
        desk = Desk(company)
        desk.customer()
        made = []
        for step, amount in steps:
            match step:
                case "invoice":
                    made.append(("Invoice", desk.invoice(amount).get("TxnID")))
                case "credit_memo":
                    made.append(("CreditMemo", desk.credit_memo(amount).get("TxnID")))
                case "payment":
                    made.append(("ReceivePayment", desk.payment(amount).get("TxnID")))
                case "auto":
                    made.append(
                        ("ReceivePayment", desk.payment(amount, IsAutoApply="true").get("TxnID"))
                    )
                case "void" if made and made[0][0] != "ReceivePayment":
                    desk.do("TxnVoid", {"TxnVoidType": made[0][0], "TxnID": made[0][1]})
                case "delete" if made:
                    kind, id = made.pop(0)
                    desk.do("TxnDel", {"TxnDelType": kind, "TxnID": id})
        report = books.report(company)
        assert report["debit"] == report["credit"]
        owed = sum(
            one.balance for one in books.trial_balance(company) if one.type == "AccountsReceivable"
        )
        assert books.customer_balances(company)["Ada Ltd"] == owed
        remaining = company.transactions.remaining
        charges = sum(remaining(one) for one in company.transactions.all("Invoice"))
        credits = [*company.transactions.all("CreditMemo"), *company.transactions.all("ReceivePayment")]
        assert charges - sum(remaining(one) for one in credits) == owed * 100
        assert all(remaining(one) >= 0 for one in credits)
