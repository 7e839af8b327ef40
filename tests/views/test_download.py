"""The QWC file: made, downloaded, mailed; and staff with their one-time secrets."""

import re
from pathlib import Path

import pytest

from hub.books.connections import main_connection
from hub.db import unit
from hub.errors import HubError
from hub.qbwc import courier
from hub.security import sign_in
from hub.tenants.models import Mode
from hub.tenants.service import StaffRoom, create_tenant, open_tenant
from tests.visitor import Visitor


class Fresh:
    """A tenant without an integration login."""

    def __init__(self, settings):
        with unit(settings) as db:
            made = create_tenant(db, "Fresh Books", Mode.SUMMARY)
            self.slug, self.name = made.slug, made.name
            self.admin = f"admin@{self.slug}.example"
            _, self.password = StaffRoom(db, made, "test").add_person(self.admin)


@pytest.fixture
def fresh(settings):
    return Fresh(settings)


def form_of(page, ending):
    return next(form for form in page.forms.values() if form.action.endswith(ending))


def secret_of(page):
    return page.html.find(class_="secret").code.text


def test_the_file_is_made_with_its_login(fresh, enter, settings):
    browser = enter(fresh)
    page = browser.get(f"/t/{fresh.slug}/settings").click("Download QWC file", index=0)
    form = form_of(page, "/qwc")
    assert form["username"].value == f"{fresh.slug}-qb"
    proposal = form["proposal"].value
    answer = form.submit(status=200)
    assert secret_of(answer) == proposal
    assert answer.headers["Cache-Control"] == "no-store"
    assert "we cannot show it again" in answer
    for window in (
        "Add an Application",
        "Browse QWC file",
        "Authorize New Web Service",
        "Access Confirmation",
    ):
        assert window in answer
    assert "Yes, always; allow access even if QuickBooks is not running" in answer
    with unit(settings) as db:
        assert sign_in(db, f"{fresh.slug}-qb", proposal).kind == "integration"
    file = browser.get(f"/t/{fresh.slug}/qwc/file")
    assert file.content_type == "application/x-qwc"
    assert f'filename="{fresh.slug}.qwc"' in file.headers["Content-Disposition"]
    assert proposal not in file
    assert f"<UserName>{fresh.slug}-qb</UserName>" in file
    assert browser.get(f"/t/{fresh.slug}/qwc/file").body == file.body
    later = browser.get(f"/t/{fresh.slug}/qwc")
    assert proposal not in later
    assert "Download the same file again" in later
    assert "Web Service API" in browser.get(f"/t/{fresh.slug}/staff")
    audit = browser.get(f"/t/{fresh.slug}/audit")
    assert "QWC file made" in audit
    assert "QWC file downloaded" in audit
    assert proposal not in audit


def test_a_second_click_shows_the_same_password(fresh, enter):
    browser = enter(fresh)
    form = form_of(browser.get(f"/t/{fresh.slug}/qwc"), "/qwc")
    first, second = form.submit(status=200), form.submit(status=200)
    assert secret_of(first) == secret_of(second)
    audit = browser.get(f"/t/{fresh.slug}/audit")
    assert audit.text.count("QWC file made") == 1
    assert "Password changed" not in audit


def test_a_login_that_was_made_stays(fresh, enter):
    browser = enter(fresh)
    form = form_of(browser.get(f"/t/{fresh.slug}/qwc"), "/qwc")
    form.submit(status=200)
    form["proposal"].force_value("another-password")
    assert "has been made already" in form.submit(status=422)


def test_an_own_password_is_taken(fresh, enter, settings):
    form = form_of(enter(fresh).get(f"/t/{fresh.slug}/qwc"), "/qwc")
    form["own"] = form["repeated"] = "my own password ü"
    assert secret_of(form.submit(status=200)) == "my own password ü"
    with unit(settings) as db:
        assert sign_in(db, f"{fresh.slug}-qb", "my own password ü")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": "a b"}, "3 to 50 letters"),
        ({"own": "short", "repeated": "short"}, "at least 10"),
        ({"own": "x" * 80, "repeated": "x" * 80}, "too long"),
        ({"own": "long enough one", "repeated": "long enough two"}, "differ"),
        ({"own": "x" * 600, "repeated": "x"}, "too long for a password"),
        ({"proposal": ""}, "at least 10"),
    ],
)
def test_what_is_unfit_is_said_and_kept(fresh, enter, fields, sentence):
    browser = enter(fresh)
    form = form_of(browser.get(f"/t/{fresh.slug}/qwc"), "/qwc")
    for name, value in fields.items():
        form[name].force_value(value)
    page = form.submit(status=422)
    assert sentence in page
    assert form_of(page, "/qwc")["username"].value == fields.get("username", f"{fresh.slug}-qb")
    assert "Download the same" not in browser.get(f"/t/{fresh.slug}/qwc")


def test_a_username_of_another_tenant_is_taken(fresh, summary, enter):
    form = form_of(enter(fresh).get(f"/t/{fresh.slug}/qwc"), "/qwc")
    form["username"] = summary.username
    assert "is taken" in form.submit(status=422)


def test_before_the_file_is_made_there_is_none(fresh, enter):
    browser = enter(fresh)
    assert browser.get(f"/t/{fresh.slug}/qwc/file", status=303).location.endswith("/qwc")
    assert browser.get(f"/t/{fresh.slug}/qwc/email", status=303).location.endswith("/qwc")


def test_the_file_is_mailed_without_its_password(summary, enter, settings):
    folder = Path(settings["hub.var"]) / "mail"
    before = set(folder.glob("*.eml")) if folder.exists() else set()
    browser = enter(summary)
    form = form_of(browser.get(f"/t/{summary.slug}/qwc/email"), "/qwc/email")
    form["address"], form["note"] = "books@example.com", "Dear Ann,\r\nplease."
    answer = form.submit(status=303)
    form.submit(status=303)
    assert "on its way to books@example.com" in answer.follow()
    (mail,) = set(folder.glob("*.eml")) - before
    text = mail.read_text()
    assert "To: books@example.com" in text
    assert f"{summary.slug}.qwc" in text
    assert "Dear Ann," in text
    assert "Authorize New Web Service" in text
    assert "correct-horse-battery" not in text
    page = browser.get(f"/t/{summary.slug}/qwc/email")
    assert "Emailed" in page
    assert page.text.count("books@example.com</th>") == 2


def test_a_tenant_sends_so_many_mails_an_hour(summary, full, enter):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/qwc/email"), "/qwc/email")
    for number in range(20):
        form["address"] = f"books-{number}@example.com"
        form.submit(status=303)
    form["address"] = "one-more@example.com"
    assert "Wait 60 minutes, or download the file" in form.submit(status=422)
    assert "one-more@example.com</th>" not in enter(summary).get(f"/t/{summary.slug}/qwc/email")
    form = form_of(enter(full).get(f"/t/{full.slug}/qwc/email"), "/qwc/email")
    form["address"] = "books@example.com"
    form.submit(status=303)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@c", "a@b.example, c@d.example", "x@y\nBcc: z@q.example"]
)
def test_a_wrong_address_is_said_and_kept(summary, enter, address):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/qwc/email"), "/qwc/email")
    form["address"].force_value(address)
    page = form.submit(status=422)
    assert "field-error" in page


def test_what_a_lost_nudge_left_is_found(app, summary, settings, world):
    with world.db() as db:
        opened = open_tenant(db, summary.slug)
        entry_id = courier.Courier(db, opened, "test").ask("late@example.com", "")
        asked = courier.Courier(db, opened, "test")
        assert asked.overdue() == []
        assert asked.asked(entry_id)
    courier.email_qwc(summary.id, entry_id)
    courier.email_qwc(summary.id, entry_id)
    with world.db() as db:
        opened = open_tenant(db, summary.slug)
        actions = [entry.action for entry in courier.Courier(db, opened, "test").history()]
        assert actions == [courier.SENT, courier.ASKED]


def test_a_mail_that_cannot_go_is_written_down(app, summary, world, monkeypatch):
    def refuse(*_):
        raise HubError("The mail server is away.")

    monkeypatch.setattr("hub.mail.deliver", refuse)
    with world.db() as db:
        entry_id = courier.Courier(db, open_tenant(db, summary.slug), "test").ask("a@example.com", "")
    courier.email_qwc(summary.id, entry_id)
    with world.db() as db:
        newest = courier.Courier(db, open_tenant(db, summary.slug), "test").history()[0]
        assert newest.action == courier.NOT_SENT
        assert newest.detail["reason"] == "The mail server is away."


def test_a_person_is_added_with_a_one_time_password(app, summary, enter):
    browser = enter(summary)
    form = form_of(browser.get(f"/t/{summary.slug}/staff"), "/staff")
    email = f"new-{summary.slug}@example.com"
    form["email"] = email
    answer = form.submit(status=200)
    password = secret_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret_of(form.submit(status=200)) == password
    assert password not in browser.get(f"/t/{summary.slug}/staff")
    assert password not in browser.get(f"/t/{summary.slug}/audit")
    assert Visitor(app).sign_in(email, password).location.endswith(summary.slug)


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.com"])
def test_a_person_needs_an_address(summary, enter, email):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/staff"), "/staff")
    form["email"].force_value(email)
    page = form.submit(status=422)
    assert "is not an email address" in page
    assert form_of(page, "/staff")["email"].value == email


def test_a_person_is_added_once(summary, enter):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/staff"), "/staff")
    form["email"] = summary.admin
    page = form.submit(status=422)
    assert "is taken" in page
    assert page.html.find(id="e-email")


def member_page(browser, tenant, login):
    return browser.get(f"/t/{tenant.slug}/staff").click(description=re.escape(login))


def test_access_is_switched_off_and_on(summary, enter, settings):
    browser = enter(summary)
    page = member_page(browser, summary, summary.username)
    form = page.forms[2]
    assert "is off" in form.submit("act", status=303).follow()
    form.submit("act", status=303)
    with unit(settings) as db:
        assert sign_in(db, summary.username, "correct-horse-battery") is None
    page = member_page(browser, summary, summary.username)
    assert "is on" in page.forms[2].submit("act", status=303).follow()


def test_nobody_locks_themselves_out(summary, enter):
    browser = enter(summary)
    page = member_page(browser, summary, summary.admin)
    token = page.forms[0]["csrf_token"].value
    answer = browser.post(page.request.path, {"csrf_token": token, "act": "off"}, status=422)
    assert "your own access" in answer
    browser.post(page.request.path, {"csrf_token": token, "act": "burn"}, status=422)


def test_a_password_is_changed_and_shown_once(summary, enter, settings):
    browser = enter(summary)
    form = member_page(browser, summary, summary.username).forms[1]
    password = secret_of(form.submit(status=200))
    assert secret_of(form.submit(status=200)) == password
    with unit(settings) as db:
        assert sign_in(db, summary.username, password)
    form["own"] = form["repeated"] = "short"
    assert "at least 10" in form.submit(status=422)
    form["repeated"] = "another"
    assert "differ" in form.submit(status=422)


def test_a_token_is_shown_once_and_revoked(summary, enter):
    browser = enter(summary)
    form = form_of(browser.get(f"/t/{summary.slug}/staff"), "/tokens")
    token = secret_of(form.submit(status=200))
    assert secret_of(form.submit(status=200)) == token
    browser.get("/api/v1/customers", headers={"Authorization": f"Bearer {token}"}, status=200)
    page = browser.get(f"/t/{summary.slug}/staff")
    assert token not in page
    for revoke in [form for form in page.forms.values() if "/tokens/" in form.action]:
        assert "revoked" in revoke.submit(status=303).follow()
        revoke.submit(status=404)
    browser.get("/api/v1/customers", headers={"Authorization": f"Bearer {token}"}, status=401)
    assert "No API token" in browser.get(f"/t/{summary.slug}/staff")


def test_a_token_of_ones_own_making_is_refused(summary, enter):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/staff"), "/tokens")
    form["proposal"].force_value("easy")
    assert "out of date" in form.submit(status=422)


def test_the_audit_log_is_paged(summary, enter, world):
    with world.db() as db:
        room = StaffRoom(db, open_tenant(db, summary.slug), "test")
        for number in range(120):
            room.audit("counted", number=str(number))
    browser = enter(summary)
    page = browser.get(f"/t/{summary.slug}/audit")
    older = page.click("Older")
    assert "Counted" in older
    assert "Tenant created" in older
    assert "Older" not in older
    assert older.click("Newest").request.path == page.request.path


def test_the_file_stays_the_same_after_a_new_password(summary, enter, world):
    browser = enter(summary)
    before = browser.get(f"/t/{summary.slug}/qwc/file").body
    member_page(browser, summary, summary.username).forms[1].submit(status=200)
    assert browser.get(f"/t/{summary.slug}/qwc/file").body == before
    with world.db() as db:
        connection = main_connection(db, open_tenant(db, summary.slug))
        assert str(connection.file_id) in before.decode()
