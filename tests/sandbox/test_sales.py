import pytest

ADA = {"FullName": "Ada Ltd"}


def item(name, **rest):
    return {"ItemRef": {"FullName": name}, **rest}


def sale(*lines, **head):
    return {"CustomerRef": ADA, **head, "InvoiceLineAdd": list(lines)}


@pytest.fixture
def desk(desk):
    desk.customer()
    return desk


def test_an_invoice_is_answered_whole_and_posted(desk):
    added = desk.add(
        "Invoice",
        {
            "CustomerRef": ADA,
            "ClassRef": {"FullName": "East"},
            "TxnDate": "2026-01-31",
            "RefNumber": "5001",
            "BillAddress": {"Addr1": "Ada"},
            "PONumber": "BILL-2026-5001",
            "TermsRef": {"FullName": "Net 30"},
            "Memo": "January",
            "IsToBePrinted": "0",
            "Other": "x",
            "ExternalGUID": "{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b5001}",
            "InvoiceLineAdd": [
                item("Hosting:Basic", Desc="Hosting", Quantity="2", Amount="39.90"),
                item(
                    "Setup Fee",
                    ClassRef={"FullName": "West"},
                    Amount="25.00",
                    SalesTaxCodeRef={"FullName": "Non"},
                ),
                {"Desc": "Thank you"},
            ],
        },
    )
    assert added.get("DueDate") == "2026-03-02"
    assert added.get("Subtotal") == "64.90"
    assert added.get("BalanceRemaining") == "64.90"
    assert added.get("IsPaid") == "false"
    assert added.get("ARAccountRef/FullName") == "Accounts Receivable"
    first, second, third = added.all("InvoiceLineRet")
    assert (first.get("Rate"), first.get("SalesTaxCodeRef/FullName")) == ("19.95", "Tax")
    assert (second.get("ClassRef/FullName"), second.get("SalesTaxCodeRef/FullName")) == ("West", "Non")
    assert (third.get("Desc"), third.get("Amount")) == ("Thank you", "")
    assert desk.balance("Accounts Receivable") == "64.90"
    assert desk.balance("Sales:Hosting") == "39.90"
    assert desk.balance("Sales:Setup Fees") == "25.00"
    assert desk.do("AccountQuery", {"FullName": "Sales"}).get("TotalBalance") == "64.90"
    assert desk.do("CustomerQuery", {"FullName": "Ada Ltd"}).get("Balance") == "64.90"


@pytest.mark.parametrize(
    ("line", "amount", "rate"),
    [
        ({"Quantity": "3", "Rate": "0.335"}, "1.01", "0.335"),
        ({"Rate": "7.50"}, "7.50", "7.5"),
        ({"Quantity": "2"}, "98.00", "49"),
        ({}, "49.00", "49"),
        ({"Quantity": "3", "Amount": "10.00"}, "10.00", "3.33333"),
        ({"Quantity": "3", "Rate": "9.00", "Amount": "10.00"}, "10.00", "3.33333"),
        ({"Amount": "-5.00"}, "-5.00", ""),
    ],
)
def test_what_a_line_amounts_to(desk, line, amount, rate):
    added = desk.add("Invoice", sale(item("Subscription", **line), item("Support", Amount="100.00")))
    shown = added.find("InvoiceLineRet")
    assert (shown.get("Amount"), shown.get("Rate")) == (amount, rate)


def test_discounts_subtotals_and_tax_lines(desk):
    added = desk.add(
        "Invoice",
        sale(
            item("Subscription", Amount="60.00"),
            item("Support", Amount="40.00"),
            item("Subtotal"),
            item("Ten Percent Off"),
            item("Promotion", Amount="5.00"),
            item("Sales Tax", Amount="7.00"),
            item("State Tax", Amount="3.00"),
        ),
    )
    amounts = [line.get("Amount") for line in added.all("InvoiceLineRet")]
    assert amounts == ["60.00", "40.00", "100.00", "-10.00", "-5.00", "7.00", "3.00"]
    assert (added.get("Subtotal"), added.get("SalesTaxTotal")) == ("92.00", "3.00")
    assert added.get("BalanceRemaining") == "95.00"
    assert desk.balance("Discounts Given") == "-15.00"
    assert desk.balance("Sales Tax Collected") == "7.00"
    assert desk.balance("Sales Tax Payable") == "3.00"


def test_a_tax_item_takes_its_rate_from_what_stands_above(desk):
    lines = [item("Support", Amount="10.00"), item("Subtotal"), item("Usage", Amount="20.00")]
    added = desk.add("Invoice", sale(*lines, item("Subtotal"), item("State Tax")))
    amounts = [line.get("Amount") for line in added.all("InvoiceLineRet")]
    assert amounts == ["10.00", "10.00", "20.00", "20.00", "1.50"]


def test_a_due_date_can_be_given(desk):
    assert desk.add("Invoice", sale(DueDate="2026-03-03")).get("DueDate") == "2026-03-03"


def test_a_service_item_may_discount(desk):
    desk.add("Invoice", sale(item("Subscription"), item("Discount", Amount="-9.00")))
    assert desk.balance("Discounts Given") == "-9.00"


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (item("Nothing"), 3140, 'QuickBooks Item "Nothing" in the Invoice'),
        (item("Old Plan"), 3140, "not active"),
        (item("Welcome Bundle"), 3140, "item group"),
        (item("Promotion", Quantity="1", Amount="5.00"), 3210, "Quantity"),
        (item("Subtotal", Amount="5.00"), 3210, "Amount"),
        (item("Support", SalesTaxCodeRef={"FullName": "Foo"}), 3140, "SalesTaxCode"),
        (item("Support", ClassRef={"FullName": "North"}), 3140, "Class"),
        ({"Desc": "words", "Amount": "5.00"}, 3180, "item"),
        (item("Support", Amount="-5.00"), 3210, "must be positive"),
        ({"ItemRef": {}, "Amount": "5.00"}, 3150, "ItemRef"),
    ],
)
def test_lines_that_are_refused(desk, line, code, words):
    desk.refuse_add("Invoice", sale(line), code, words)


@pytest.mark.parametrize(
    ("head", "code", "words"),
    [
        (
            {"CustomerRef": {"FullName": "Joe Smith"}},
            3140,
            'QuickBooks Customer "Joe Smith" in the Invoice',
        ),
        ({"CustomerRef": {}}, 3150, "CustomerRef"),
        ({"CustomerRef": {"ListID": "80000001-1"}}, 3140, "80000001-1"),
        ({"CustomerRef": ADA, "ARAccountRef": {"FullName": "Checking"}}, 3140, "Accounts Receivable"),
        ({"CustomerRef": ADA, "TermsRef": {"FullName": "Net 7"}}, 3140, "Terms"),
    ],
)
def test_heads_that_are_refused(desk, head, code, words):
    desk.refuse_add("Invoice", head, code, words)


def test_a_day_that_no_calendar_has_is_refused(desk):
    desk.strict = False
    desk.refuse_add("Invoice", sale(TxnDate="2026-02-31"), 3020, "2026-02-31")


def test_a_ref_number_has_eleven_characters(desk):
    desk.strict = False
    desk.refuse_add("Invoice", sale(RefNumber="123456789012"), 3070, "RefNumber")


def test_an_inactive_customer_buys_nothing(desk):
    customer = desk.do("CustomerQuery", {"FullName": "Ada Ltd"})
    head = {"ListID": customer.get("ListID"), "EditSequence": customer.get("EditSequence")}
    desk.do("CustomerMod", {"CustomerMod": head | {"IsActive": "false"}})
    desk.refuse_add("Invoice", sale(), 3140, "not active")


def test_class_tracking_can_be_off(desk):
    desk.company.prefer(IsUsingClassTracking=False)
    desk.refuse_add("Invoice", sale(ClassRef={"FullName": "East"}), 3250, "class tracking")
    desk.refuse_add("Invoice", sale(item("Support", ClassRef={"FullName": "East"})), 3250)


def test_closed_books_take_nothing(desk):
    old = desk.invoice(TxnDate="2025-12-31")
    desk.company.prefer(ClosingDate="2025-12-31")
    desk.refuse_add("Invoice", sale(TxnDate="2025-12-31"), 3181, "closing date")
    desk.refuse("InvoiceMod", {"InvoiceMod": head(old) | {"Memo": "x"}}, 3171, "closing date")
    desk.refuse("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": old.get("TxnID")}, 3171)
    desk.refuse("TxnDel", {"TxnDelType": "Invoice", "TxnID": old.get("TxnID")}, 3171)
    new = desk.invoice(TxnDate="2026-01-01")
    desk.refuse("InvoiceMod", {"InvoiceMod": head(new) | {"TxnDate": "2025-12-01"}}, 3181)


def head(ret):
    return {"TxnID": ret.get("TxnID"), "EditSequence": ret.get("EditSequence")}


def line_id(ret, index=0):
    return ret.all("InvoiceLineRet")[index].get("TxnLineID")


def test_a_mod_without_lines_keeps_them(desk):
    first = desk.invoice("100.00")
    changed = desk.do("InvoiceMod", {"InvoiceMod": head(first) | {"RefNumber": "7", "Memo": "new"}})
    assert line_id(changed) == line_id(first)
    assert (changed.get("RefNumber"), changed.get("Memo")) == ("7", "new")
    assert changed.get("BalanceRemaining") == "100.00"


def test_a_mod_with_lines_drops_those_it_does_not_name(desk):
    first = desk.add(
        "Invoice", sale(item("Subscription", Amount="10.00"), item("Support", Amount="5.00"))
    )
    changed = desk.do(
        "InvoiceMod",
        {
            "InvoiceMod": head(first)
            | {
                "InvoiceLineMod": [
                    {"TxnLineID": line_id(first, 1), "Desc": "kept"},
                    {"TxnLineID": "-1", **item("Usage", Amount="2.00")},
                ]
            }
        },
    )
    lines = [
        (line.get("ItemRef/FullName"), line.get("Amount")) for line in changed.all("InvoiceLineRet")
    ]
    assert lines == [("Support", "5.00"), ("Usage", "2.00")]
    assert line_id(changed) == line_id(first, 1)
    assert desk.balance("Sales:Subscriptions") == "0.00"
    assert desk.balance("Accounts Receivable") == "7.00"


def test_mods_that_are_refused(desk):
    first = desk.invoice()
    mod = head(first)
    unknown = [{"TxnLineID": "9-9", "Desc": "x"}]
    desk.refuse("InvoiceMod", {"InvoiceMod": mod | {"InvoiceLineMod": unknown}}, 3120, "9-9")
    desk.refuse("InvoiceMod", {"InvoiceMod": mod | {"EditSequence": "1"}}, 3200)
    desk.refuse("InvoiceMod", {"InvoiceMod": mod | {"TxnID": "9-9"}}, 3120)
    desk.refuse("CreditMemoMod", {"CreditMemoMod": mod}, 3120)


def test_a_lowered_invoice_frees_what_was_overpaid(desk):
    first = desk.invoice("100.00")
    payment = desk.payment("100.00", IsAutoApply="true")
    first = desk.look("Invoice", first.get("TxnID"))
    line = {"TxnLineID": line_id(first), "Amount": "60.00"}
    changed = desk.do("InvoiceMod", {"InvoiceMod": head(first) | {"InvoiceLineMod": [line]}})
    assert changed.get("IsPaid") == "true"
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "40.00"


def test_a_paid_invoice_keeps_its_customer(desk):
    first = desk.invoice()
    desk.customer("Bob")
    changed = desk.do("InvoiceMod", {"InvoiceMod": head(first) | {"CustomerRef": {"FullName": "Bob"}}})
    desk.payment("100.00", "Bob", IsAutoApply="true")
    changed = desk.look("Invoice", changed.get("TxnID"))
    desk.refuse("InvoiceMod", {"InvoiceMod": head(changed) | {"CustomerRef": ADA}}, 3180, "paid")


def test_a_credit_memo_lowers_what_is_owed_when_it_is_set(desk):
    invoice, memo = desk.invoice("100.00"), desk.credit_memo("30.00")
    assert (memo.get("TotalAmount"), memo.get("CreditRemaining")) == ("30.00", "30.00")
    assert desk.balance("Accounts Receivable") == "70.00"
    credit = {"CreditTxnID": memo.get("TxnID"), "AppliedAmount": "20.00"}
    changed = desk.do("InvoiceMod", {"InvoiceMod": head(invoice) | {"SetCredit": [credit]}})
    assert (changed.get("AppliedAmount"), changed.get("BalanceRemaining")) == ("-20.00", "80.00")
    assert changed.get("LinkedTxn/TxnType") == "CreditMemo"
    assert desk.look("CreditMemo", memo.get("TxnID")).get("CreditRemaining") == "10.00"
    more = credit | {"AppliedAmount": "10.01"}
    desk.refuse("InvoiceMod", {"InvoiceMod": head(changed) | {"SetCredit": [more]}}, 3210)


def test_a_credit_memo_can_be_changed(desk):
    memo = desk.credit_memo("30.00")
    id = memo.find("CreditMemoLineRet").get("TxnLineID")
    lines = [{"TxnLineID": id, "Quantity": "2", "Rate": "4.00"}]
    changed = desk.do("CreditMemoMod", {"CreditMemoMod": head(memo) | {"CreditMemoLineMod": lines}})
    assert changed.get("TotalAmount") == "8.00"
    assert desk.balance("Accounts Receivable") == "-8.00"
