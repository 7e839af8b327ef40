"""What codes mean: every code of the sources has a meaning of its own, and a next step that people can take."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.qbwc import statuses
from hub.qbwc.statuses import Action, Outcome, Status

D_2 = [
    *(0, 1, 500, 501, 502, 510, 530, 531, 550, 560, 570, 600, 1000, 1010, 1030, 1060),
    *(3000, 3010, 3020, 3030, 3031, 3035, 3040, 3045, 3050, 3060, 3065, 3070, 3080, 3085, 3090),
    *(3100, 3110, 3120, 3121, 3130, 3140, 3150, 3151, 3152, 3153, 3160, 3161, 3162),
    *(3170, 3171, 3175, 3176, 3180, 3181, 3185, 3190, 3200, 3205, 3210, 3220, 3230, 3231, 3240),
    *(3250, 3260, 3261, 3262, 3263, 3264, 3270, 3280, 3290, 3300, 9001, 9002, 9003, 9004, 9005),
]
"""statusCode: protocol.md D.2 and product.md (e) e3."""

D_1 = {
    2: Action.SETTLE,
    499: Action.SETTLE,
    503: Action.SETTLE,
    999: Action.SETTLE,
    1001: Action.LOOK_UP,
    1999: Action.LOOK_UP,
    2000: Action.HOLD,
    2999: Action.HOLD,
    3001: Action.HOLD,
    3099: Action.HOLD,
    3101: Action.HOLD,
    8999: Action.HOLD,
    9100: Action.HOLD,
    9199: Action.HOLD,
    9200: Action.HOLD,
    -1: Action.HOLD,
}
"""Codes that no table has, at the ends of the ranges of protocol.md D.1."""

A_5 = [
    *range(0x80040400, 0x80040425),
    *(0x80040427, 0x8004042A, 0x8004042C, 0x80040438, 0x80010105, 0x800706BA),
]
"""hresult: protocol.md A.5 and product.md (e) e2."""

A_8 = [*range(1000, 1047), 1048, 1085, 1086]
"""QBWC codes: protocol.md A.8 and product.md (e) e1. The guide has no 1047."""

TABLES = (
    statuses.STATUSES,
    statuses.WORDS,
    statuses.RANGES,
    statuses.MESSAGE_SETS,
    statuses.HRESULTS,
    statuses.WEB_CONNECTOR,
)
ROWS = list(dict.fromkeys(status for table in TABLES for status in table.values()))
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)


@pytest.mark.parametrize("code", D_2)
def test_every_code_of_protocol_d2_and_product_e3_has_a_meaning_of_its_own(code):
    assert str(code) in statuses.status(code).codes


@pytest.mark.parametrize("code", A_5, ids=hex)
def test_every_hresult_of_protocol_a5_and_product_e2_has_a_meaning_of_its_own(code):
    written = f"0x{code:08X}"
    assert written in statuses.of_hresult(written).codes


@pytest.mark.parametrize("code", A_8)
def test_every_code_of_protocol_a8_and_product_e1_has_a_meaning_of_its_own(code):
    assert f"QBWC{code}" in statuses.WEB_CONNECTOR[code].codes


@pytest.mark.parametrize("word", ["wrong-password", "no-data-exchange", "busy", "silence"])
def test_what_product_e1_has_without_a_code_is_there_too(word):
    assert statuses.WEB_CONNECTOR[word].title


@pytest.mark.parametrize(("code", "action"), D_1.items())
def test_a_code_in_no_table_is_read_by_its_range_of_protocol_d1(code, action):
    assert statuses.status(code).action is action
    assert str(code) not in statuses.status(code).codes


def test_nothing_that_may_have_been_booked_goes_again_unasked():
    assert not [
        row.slug for row in ROWS if row.outcome is Outcome.UNKNOWN and row.action is Action.RETRY
    ]
    assert not [
        row.slug for row in ROWS if row.outcome is Outcome.BOOKED and row.action is not Action.SETTLE
    ]


@pytest.mark.parametrize("code", [600, 9001, 9002, 9003, 9004, 9005, 9006, -1, 3100, 1])
def test_no_message_set_code_but_0_says_what_was_booked_protocol_d4(code):
    found = statuses.of_message_set(code)
    assert (found.outcome, found.action) == (Outcome.UNKNOWN, Action.LOOK_UP)
    assert statuses.of_message_set(0).action is Action.SETTLE


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (statuses.STALE, Action.LOOK_UP),
        (statuses.NAME_TAKEN, Action.LOOK_UP),
        (510, Action.LOOK_UP),
        (1000, Action.LOOK_UP),
        (3000, Action.LOOK_UP),
        (3120, Action.LOOK_UP),
        (3140, Action.HOLD),
        (3171, Action.HOLD),
        (3175, Action.RETRY),
        (3176, Action.RETRY),
        (3260, Action.HOLD),
        *((code, Action.RETRY) for code in statuses.NOT_PROCESSED),
    ],
)
def test_what_follows_from_a_code_protocol_d2(code, action):
    assert statuses.status(code).action is action


@pytest.mark.parametrize("code", [3170, 3180, 3185, 3210, 3290, 4711])
@pytest.mark.parametrize(
    "text",
    [
        "The list has been modified by another user.",
        "QuickBooks error message: The LIST HAS BEEN\n modified by another USER",
        "The Customers internals could not be locked.",
        "QuickBooks FAILED TO ACQUIRE THE LOCK for this object.",
        "This list element is in use.",
    ],
)
def test_lock_texts_go_again_whatever_the_case_and_the_code(code, text):
    assert statuses.status(code, text).action is Action.RETRY


@pytest.mark.parametrize("code", [0, 500, 510, 1000, statuses.STALE, statuses.NAME_TAKEN, 3231])
def test_words_change_nothing_where_the_code_says_what_to_do(code):
    text = "The list has been modified by another user."
    assert statuses.status(code, text) is statuses.status(code)


@pytest.mark.parametrize(
    ("code", "text", "slug"),
    [
        (3180, "This customer's credit limit is exceeded.", "credit-limit"),
        (3180, "The document number is a duplicate. Number is already used.", "duplicate-number"),
        (3180, "The account number is already in use.", "account-number"),
        (3210, "You cannot pay more than the amount due.", "overpaid"),
        (3180, "Transaction must have at most one A/R or A/P account.", "two-receivables"),
        (3210, "You must choose a customer to use Accounts Receivable.", "receivable-without-customer"),
        (3180, "The item is inactive.", "inactive"),
        (3300, "The list is full.", "list-full"),
        (3210, "The currency of the account differs.", "currency"),
        (3210, "There was an error with the tax code.", "tax-code"),
        (3170, "The invoice has been paid.", "linked"),
        (3180, "The books have been closed.", "closed-period"),
        (3180, "The transaction is not in balance.", "unbalanced"),
        (3180, "There is an invalid character in the name.", "characters"),
        (3180, "Nobody has ever seen this text.", "3180"),
    ],
)
def test_quickbooks_own_words_give_the_advice_product_e3(code, text, slug):
    assert statuses.status(code, text).slug == slug


def test_all_words_are_reachable():
    """What stands first in the table counts: no row may hide a later one."""
    for words, row in statuses.WORDS.items():
        for word in words:
            assert statuses.status(3180, f"QuickBooks error: {word.upper()}.") is row


@rows
def test_whoever_has_to_act_reads_what_to_do(row):
    if row.action in (Action.HOLD, Action.STOP):
        assert row.next_step


@rows
def test_sentences_are_short_and_carry_no_code(row):
    for part in (row.title, row.cause, row.next_step):
        assert not part or part.endswith(".")
        for sentence in re.split(r"(?<=[.?!]) ", part):
            assert len(re.findall(r"[\w'’/-]+", sentence)) <= 20, sentence
    assert not re.search(r"\d{3}|0x", row.title)


def test_every_place_on_the_help_page_is_one_code_and_one_meaning():
    codes = [code for row in ROWS for code in row.codes]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[0-9A-Za-z-]+", code) for code in codes)
    assert len({row.title for row in ROWS} - {row.title for row in statuses.WORDS.values()}) > 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0x80040400", 0x80040400),
        ("0X8004040a", 0x8004040A),
        (" 0x80040408\r\n", 0x80040408),
        ("8004041d", 0x8004041D),
        ("80040400", 0x80040400),
        ("2147746816", 0x80040400),
        ("-2147220480", 0x80040400),
        ("0", 0),
        ("", None),
        ("  ", None),
        ("0x", None),
        ("QuickBooks", None),
        ("0x180040400", None),
        ("4294967296", None),
        ("-2147483649", None),
        ("9" * 5000, None),
    ],
)
def test_an_hresult_is_read_in_every_form_it_comes_in(text, code):
    assert statuses.hresult_code(text) == code


def test_only_what_quickbooks_could_not_read_is_taken_apart():
    """0x80040400: nothing of the message was run, and the session goes on (protocol.md A.5)."""
    row = statuses.of_hresult("0x80040400")
    assert (row.outcome, row.action) == (Outcome.NOT_BOOKED, Action.HOLD)
    others = [row for row in statuses.HRESULTS.values() if "0x80040400" not in row.codes]
    assert {row.action for row in others} == {Action.STOP}


@pytest.mark.parametrize(
    "hresult", ["0x80040402", "0x8004040D", "0x80010105", "0x800706BA", "0x80071234", "", "rubbish"]
)
def test_after_a_fault_nobody_knows_what_was_booked(hresult):
    assert statuses.of_hresult(hresult).outcome is Outcome.UNKNOWN


def test_an_hresult_is_told_with_the_web_connectors_own_words():
    sentence = statuses.hresult_sentence("0x8004040A", " Another file is open. ")
    assert sentence.startswith("Another company file is open in QuickBooks. Choose File")
    assert sentence.endswith("(0x8004040A: Another file is open.)")
    assert statuses.hresult_sentence("", "").endswith("then run again.")


@given(st.integers(), st.text())
def test_every_status_code_has_a_sentence(code, text):
    found = statuses.status(code, text)
    assert isinstance(found, Status)
    assert found.sentence(text).startswith(found.title)
    assert statuses.of_message_set(code).sentence(text)


CODES = st.integers(-(2**33), 2**33)


@given(st.one_of(st.text(), CODES.map(str), CODES.map(hex), CODES.map("{:08X}".format)), st.text())
def test_every_hresult_has_a_sentence(hresult, message):
    found = statuses.of_hresult(hresult)
    assert found.action in (Action.STOP, Action.HOLD)
    assert statuses.hresult_sentence(hresult, message).startswith(found.title)


def test_the_page_of_codes_is_open_and_has_a_place_for_every_code(testapp):
    page = testapp.get("/help").click("All codes and what to do")
    assert page.request.path == "/help/codes"
    ids = [found["id"] for found in page.html.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for row in ROWS:
        (article,) = {page.html.find(id=code).find_parent("article") for code in row.codes}
        text = article.get_text(" ", strip=True)
        assert row.title in text
        assert row.outcome.label in text
        assert row.cause in text
        assert row.next_step in text
        assert page.html.find("a", href=row.anchor)


def test_every_link_of_the_help_leads_to_a_place(testapp):
    page = testapp.get("/help/codes")
    ids = {found["id"] for found in page.html.find_all(id=True)}
    links = [link["href"] for link in page.html.find_all("a", href=re.compile("^#"))]
    links += [
        link["href"].rpartition("/help/codes")[2]
        for link in testapp.get("/help").html.find_all("a", href=re.compile("/help/codes#"))
    ]
    assert len(links) > 100
    assert {link[1:] for link in links} <= ids
