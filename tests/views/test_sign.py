"""Signing in and out."""

import pytest

from tests.world import PASSWORD


def test_a_person_lands_on_their_proof(summary, visitor):
    answer = visitor.sign_in(summary.admin, summary.password)
    assert answer.location.endswith(f"/t/{summary.slug}")
    assert "Billed − Booked" in answer.follow()
    assert visitor.get("/").location.endswith(f"/t/{summary.slug}")
    assert visitor.get("/sign-in").location.endswith(f"/t/{summary.slug}")


def test_support_lands_on_the_tenants(support, summary):
    page = support.get("/").follow()
    assert summary.name in page


@pytest.mark.parametrize("login", ["nobody@example.com", "", "a\x00b", "x" * 5000])
def test_a_wrong_login_learns_nothing(visitor, login):
    page = visitor.get("/sign-in")
    form = {"csrf_token": page.form["csrf_token"].value, "login": login, "password": "wrong password"}
    answer = visitor.post("/sign-in", form, status=422)
    assert "do not belong together" in answer


def test_a_wrong_password_reads_like_a_wrong_login(summary, visitor):
    answer = visitor.sign_in(summary.admin, "wrong password", status=422)
    assert "do not belong together" in answer
    assert answer.form["login"].value == summary.admin
    assert answer.form["password"].value == ""


def test_an_integration_login_opens_no_pages(summary, visitor):
    answer = visitor.sign_in(summary.username, PASSWORD, status=422)
    assert "integration login" in answer


def test_the_eleventh_try_waits(summary, visitor):
    for _ in range(10):
        visitor.sign_in(summary.admin, "wrong password", status=422)
    answer = visitor.sign_in(summary.admin, summary.password, status=429)
    assert "Too many tries" in answer
    assert int(answer.headers["Retry-After"]) > 0


def test_signing_out_ends_the_session(summary, enter):
    browser = enter(summary)
    page = browser.get(f"/t/{summary.slug}")
    browser.get("/sign-out", status=303)
    browser.get(f"/t/{summary.slug}", status=200)
    next(form for form in page.forms.values() if form.action == "/sign-out").submit(status=303)
    assert "/sign-in" in browser.get(f"/t/{summary.slug}", status=303).location


def test_the_wanted_page_comes_after_signing_in(summary, visitor):
    answer = visitor.get(f"/t/{summary.slug}/queue?state=held", status=303)
    form = answer.follow().form
    form["login"], form["password"] = summary.admin, summary.password
    assert form.submit(status=303).location.endswith(f"/t/{summary.slug}/queue?state=held")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/t/x",
        "/\\evil.example",
        "/%5cevil.example",
        "/nowhere",
        "/static/hub.css",
        "/api/v1/customers",
        "/sign-out",
        "/t/x\r\nSet-Cookie:a=b",
        "javascript:alert(1)",
        "/t/%ff",
    ],
)
def test_no_redirect_leads_elsewhere(summary, visitor, wanted):
    form = visitor.get("/sign-in").form
    form["login"], form["password"] = summary.admin, summary.password
    form["next"].force_value(wanted)
    assert form.submit(status=303).location.endswith(f"/t/{summary.slug}")


def test_a_new_password_ends_other_sessions(summary, enter):
    here, there = enter(summary), enter(summary)
    page = here.get(f"/t/{summary.slug}/staff").click(description=summary.admin)
    answer = page.forms[1].submit(status=200)
    assert "we cannot show it again" in answer
    here.get(f"/t/{summary.slug}", status=200)
    there.get(f"/t/{summary.slug}", status=303)
