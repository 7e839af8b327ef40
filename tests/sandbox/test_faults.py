"""Whatever can go wrong with QuickBooks, on purpose: what the hub will meet."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import HubError, QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox import books, faults, hresults
from hub.sandbox.company import Company
from hub.sandbox.refusals import ParseError, RequestProcessorError
from tests.checker import assert_valid
from tests.sandbox.conftest import Desk
from tests.sandbox.test_quickbooks import ADA, LATER, SET

BOTH = qbxml.message([ADA, LATER], set_id="t42-2")


def codes(answers):
    return [(one.request_id, one.code, one.severity) for one in answers.answers]


@pytest.mark.parametrize("hresult", hresults.SENTENCES)
@pytest.mark.parametrize("runs", [False, True])
def test_any_hresult_can_come_before_or_after_a_message_was_run(company, hresult, runs):
    desk = Desk(company, plan=faults.script(faults.failing(hresult, runs)))
    with pytest.raises(RequestProcessorError) as caught:
        desk.send(SET)
    assert (caught.value.hresult, str(caught.value)) == (hresult, hresults.SENTENCES[hresult])
    assert desk.send(qbxml.status_query("t42-1")).set_code == (0 if runs else 9002)


def test_a_session_does_not_begin_for_any_reason(desk):
    desk.quickbooks.unopenable = "0x8004041D"
    with pytest.raises(RequestProcessorError, match="automatically") as caught:
        desk.quickbooks.begin_session()
    assert caught.value.hresult == "0x8004041D"


def test_one_request_is_refused_and_the_others_run(company):
    words = "<Name>Bob</Name>"
    desk = Desk(company, plan=faults.refusing(words, 3180, "There was an error.", times=2))
    assert codes(desk.send(BOTH)) == [("1", 0, "Info"), ("3", 3180, "Error")]
    assert desk.ask("CustomerQuery", {"FullName": ["Ada Ltd", "Bob"]}).code == 500
    again = desk.send(qbxml.message([LATER], on_error="stopOnError"))
    assert codes(again) == [("3", 3180, "Error")]
    assert codes(desk.send(qbxml.message([LATER]))) == [("3", 0, "Info")]
    # What was refused is what is remembered, as of any message.
    assert codes(desk.send(BOTH)) == [("1", 0, "Info"), ("3", 3180, "Error")]


@pytest.mark.parametrize("code", [510, 1000])
def test_a_request_may_run_and_be_answered_as_if_it_had_not(company, code):
    desk = Desk(company, plan=faults.refusing("CustomerAdd", code, runs=True))
    answer = desk.ask("CustomerAdd", {"CustomerAdd": {"Name": "Ada Ltd"}})
    assert (answer.code, answer.returned) == (code, [])
    assert desk.do("CustomerQuery", {"FullName": "Ada Ltd"})


def test_a_refusal_may_have_an_odd_severity(company):
    desk = Desk(company, plan=faults.refusing("CustomerAdd", 3210, "No.", severity="Info"))
    assert codes(desk.send(SET)) == [("1", 3210, "Info")]
    assert desk.ask("CustomerQuery", {"FullName": "Ada Ltd"}).code == 500


@pytest.mark.parametrize("fault", [faults.GARBAGE, faults.EMPTY, faults.TRUNCATED])
def test_an_answer_may_be_no_answer(company, fault):
    desk = Desk(company, plan=faults.script(fault))
    text = desk.quickbooks.process(SET)
    with pytest.raises(QBXMLError):
        qbxml.parse_answers(text)
    assert codes(desk.send(SET)) == [("1", 0, "Info")]


def test_an_answer_may_lack_some_answers(company):
    desk = Desk(company, plan=faults.script(faults.SOME_ANSWERS))
    assert codes(desk.send(BOTH)) == [("1", 0, "Info")]
    assert codes(desk.send(BOTH)) == [("1", 0, "Info"), ("3", 0, "Info")]


def test_a_restarted_quickbooks_knows_message_sets_and_no_iterators(company):
    desk = Desk(company, plan=faults.whenever('"Continue"', faults.RESTART))
    first = desk.send(SET)
    start = desk.ask("CustomerQuery", {"MaxReturned": "1"}, iterator="Start")
    over = desk.ask("CustomerQuery", {}, iterator="Continue", iteratorID=start.iterator_id)
    assert (over.code, over.text) == (3391, f'The iteratorID "{start.iterator_id}" is not valid.')
    assert codes(desk.send(SET)) == codes(first)


def test_an_answer_that_cannot_be_stored_is_given_once(company):
    desk = Desk(company, plan=faults.script(faults.UNSTORED))
    answers = desk.send(SET)
    assert (answers.set_id, answers.set_code, codes(answers)) == ("t42-1", 9005, [("1", 0, "Info")])
    assert desk.send(qbxml.status_query("t42-1")).set_code == 9002
    assert desk.send(SET).answers[0].code == 3100


def test_the_memory_of_message_sets_may_be_gone(desk):
    desk.send(SET)
    desk.company.message_sets.forget_all()
    answers = desk.send(qbxml.status_query("t42-1"))
    assert (answers.set_code, answers.answers) == (9002, [])
    assert desk.send(SET).answers[0].code == 3100


def test_plans_can_be_put_together(company):
    plan = faults.either(
        faults.refusing("Ada", 3175, "In use."), faults.script(None, faults.LOSE_REQUEST)
    )
    desk = Desk(company, plan=plan)
    assert desk.ask("CustomerAdd", {"CustomerAdd": {"Name": "Ada Ltd"}}).code == 3175
    desk.customer("Bob")
    with pytest.raises(faults.LineDead):
        desk.customer("Cy")


def test_a_slow_quickbooks_takes_its_time_for_every_request(company):
    slept = []
    desk = Desk(company, seconds=2.5, sleep=slept.append)
    desk.send(BOTH)
    desk.send(BOTH)
    desk.customer("Cy")
    assert slept == [5.0, 2.5]


# backups, copies, other countries


def test_a_restored_company_file_is_as_it_was(tmp_path, desk):
    kept = desk.invoice(RefNumber="1")
    desk.company.back_up(tmp_path / "backup.qbb")
    lost = desk.invoice(RefNumber="2")
    desk.send(SET.replace("Ada Ltd", "Bob"))
    desk.company.describe(name="Other")
    desk.company.restore(tmp_path / "backup.qbb")
    assert desk.company.name == "Acme"
    assert desk.ask("InvoiceQuery", {"TxnID": kept.get("TxnID")}).code == 0
    assert desk.ask("InvoiceQuery", {"TxnID": lost.get("TxnID")}).code == 500
    assert desk.send(qbxml.status_query("t42-1")).set_code == 9002
    assert desk.ask("CustomerQuery", {"FullName": "Bob"}).code == 500
    with pytest.raises(HubError):
        desk.company.restore(tmp_path / "nowhere.qbb")


def test_no_id_is_given_twice_however_often_a_backup_is_put_back(tmp_path):
    """Even where the clock stands still."""
    now = dt.datetime(2026, 1, 1, 9, 0, 0, tzinfo=dt.UTC)
    with Company(tmp_path / "a.qbw", clock=lambda: now) as company:
        desk = Desk(company)
        desk.customer()
        company.back_up(tmp_path / "backup.qbb")
        ids = []
        for _ in range(3):
            invoice = desk.invoice()
            ids += [invoice.get("TxnID"), invoice.get("InvoiceLineRet/TxnLineID")]
            ids.append(desk.customer("Bob").get("ListID"))
            company.restore(tmp_path / "backup.qbb")
        assert len(set(ids)) == len(ids) == 9


def test_a_copied_company_file_is_another_file_with_the_same_stamp(tmp_path, desk):
    desk.company.stamp("{X}", "FileID", "{Y}")
    desk.send(SET)
    desk.company.back_up(tmp_path / "copy.qbw")
    with Company(tmp_path / "copy.qbw") as copy:
        assert copy.stamps("{X}") == {"FileID": "{Y}"}
        assert copy.path != desk.company.path
        other = Desk(copy)
        assert codes(other.send(SET)) == [("1", 0, "Info")]
        other.customer("Bob")
    assert desk.ask("CustomerQuery", {"FullName": "Bob"}).code == 500


def test_a_company_file_says_what_it_is(desk):
    desk.company.describe(name="Acme 2", legal_name="Acme Two", country="CA", is_sample=True)
    host, company, _ = qbxml.parse_answers(desk.quickbooks.greet("0")).answers
    assert host.returned[0].get("Country") == "CA"
    shown = company.returned[0]
    assert (shown.get("IsSampleCompany"), shown.get("CompanyName")) == ("true", "Acme 2")
    assert shown.get("LegalCompanyName") == "Acme Two"
    assert (desk.company.country, desk.company.is_sample) == ("CA", True)
    with pytest.raises(HubError):
        desk.company.describe(town="Paris")


def test_an_older_company_file_gets_what_it_lacks(path, company):
    company._file.run("DROP TABLE deletion")
    company._file.run("PRAGMA user_version = 0")
    company.close()
    with Company(path) as again:
        assert Desk(again).ask("ListDeletedQuery", {"ListDelType": "Class"}).code == 1
        assert again.name == "Acme"


# which file is open


def test_quickbooks_opens_the_file_it_is_told_when_none_is_open(tmp_path, desk):
    other = Company.create(tmp_path / "other.qbw", "Other")
    other.close()
    quickbooks = desk.quickbooks
    with pytest.raises(RequestProcessorError) as caught:
        quickbooks.begin_session(str(tmp_path / "other.qbw"))
    assert caught.value.hresult == "0x8004040A"
    quickbooks.close_company()
    for path, hresult in (("", "0x80040416"), (str(tmp_path / "moved.qbw"), "0x80040403")):
        with pytest.raises(RequestProcessorError) as caught:
            quickbooks.begin_session(path)
        assert caught.value.hresult == hresult
    quickbooks.begin_session(str(tmp_path / "other.qbw"))
    assert quickbooks.company.name == "Other"
    assert desk.ask("CustomerQuery").code == 0
    quickbooks.end_session()
    quickbooks.open_company(desk.company)
    quickbooks.begin_session()
    assert quickbooks.company.name == "Acme"


# text


def test_windows_1252_is_kept_and_what_lies_beyond_is_not(desk):
    text = qbxml.message([ADA]).replace("Ada Ltd", "D&#233;cor &#8364;5 &#x2014; &#1234;&#128512;")
    assert desk.send(text).answers[0].returned[0].get("Name") == "Décor €5 — ??"
    assert desk.do("CustomerQuery", {"FullName": "décor €5 — ??"})


def test_a_name_at_its_limit_is_counted_in_characters(desk):
    assert desk.customer("é" * 41).get("Name") == "é" * 41
    desk.strict = False
    desk.refuse("CustomerAdd", {"CustomerAdd": {"Name": "&" * 42}}, 3070)


def test_a_reference_to_no_character_cannot_be_read(desk):
    with pytest.raises(ParseError, match="&#x1F;"):
        desk.quickbooks.process(qbxml.message([ADA]).replace("Ada Ltd", "Ada&#x1F;"))


def test_control_characters_in_a_name_leave_quickbooks_as_references(desk):
    desk.company.lists.add("Customer", "Ad\x1fa\x00 <é>\x0b")
    text = desk.quickbooks.process(qbxml.message([Request("CustomerQuery", "1")]))
    assert "<Name>Ad&#x1F;a&#x0; &lt;&#233;&gt;&#xB;</Name>" in text
    assert qbxml.parse_answers(text).answers[0].returned[-1].get("Name").replace(" ", "") == "Ada<é>"


def test_accented_letters_may_come_as_they_are(company):
    desk = Desk(company, plan=faults.always(faults.RAW))
    text = desk.quickbooks.process(qbxml.message([ADA]).replace("Ada Ltd", "D&#233;cor &amp; &#8364;5"))
    assert "<Name>Décor &amp; €5</Name>" in text
    assert qbxml.parse_answers(text).answers[0].returned[0].get("Name") == "Décor & €5"


def test_some_quickbooks_read_ascii_only(company):
    desk = Desk(company, ascii_only=True)
    with pytest.raises(ParseError) as caught:
        desk.customer("Décor")
    assert caught.value.hresult == "0x80040400"
    with pytest.raises(ParseError):
        desk.quickbooks.process(qbxml.message([ADA]).replace("Ada", "&#xE9;"))
    assert desk.customer("Decor & <Co>").get("Name") == "Decor & <Co>"
    assert_valid(desk.quickbooks.process(qbxml.message([ADA]).replace("Ada", "&#65;da")))


lossy = st.sampled_from(
    [
        *(faults.LOSE_REQUEST, faults.LOSE_ANSWER, faults.MODAL_DIALOG, faults.UNEXPECTED),
        *(faults.UNEXPECTED_AFTER, faults.CRASH, faults.GARBAGE, faults.EMPTY, faults.TRUNCATED),
        *(faults.SOME_ANSWERS, faults.RESTART, None),
    ]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(lossy, max_size=6))
def test_a_message_repeated_until_it_is_answered_runs_once(tmp_path_factory, steps):
    """What the hub relies on: the same text under the same id, whatever went wrong before."""
    with Company(tmp_path_factory.mktemp("p") / "p.qbw") as company:
        desk = Desk(company, plan=faults.script(*steps))
        answers = []
        while len(answers) < 2:
            with contextlib.suppress(faults.LineDead, RequestProcessorError, QBXMLError):
                answers = qbxml.parse_answers(desk.quickbooks.process(BOTH)).answers
        assert [one.code for one in answers] == [0, 0]
        assert books.counts(company)["Customer"] == 4
