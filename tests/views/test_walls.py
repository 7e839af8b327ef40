"""Who may see what, and what every page is held to."""

import re
import uuid

import pytest

from hub.tenants.service import add_support

PAGES = [
    "",
    "/integration",
    "/settings",
    "/settings/accounts",
    "/connection",
    "/qwc",
    "/qwc/email",
    "/staff",
    "/audit",
    "/charges",
    "/billing-cycles",
    "/records/customers",
    "/records/invoices",
    "/records/payments",
    "/records/credit-memos",
    "/records/refunds",
    "/upload",
    "/queue",
    "/queue?state=failed",
    "/queue?state=held",
    "/queue?state=doubt",
    "/history",
    "/lists/accounts",
    "/lists/items",
]
OPEN = ["/help", "/qbwc", "/api/docs", "/sign-in"]


def check(page):
    """What holds for every page."""
    html = page.html
    assert html.html["lang"] == "en"
    assert len(html.find_all("h1")) == 1
    assert html.find("main", id="main")
    assert html.title.text.strip()
    ids = [tag["id"] for tag in html.find_all(id=True)]
    assert len(ids) == len(set(ids)), [one for one in ids if ids.count(one) > 1]
    for field in html.find_all(["input", "select", "textarea"]):
        if field.get("type") not in ("hidden", "submit"):
            assert html.find("label", attrs={"for": field["id"]}), field
        for described in field.get("aria-describedby", "").split():
            assert described in ids, described
    for form in html.find_all("form", method="post"):
        assert form.find("input", attrs={"name": "csrf_token"}), form
    for table in html.find_all("table"):
        assert table.caption, table
        assert all(cell.get("scope") for cell in table.find_all("th")), table
    for tag in html.find_all(True):
        assert not any(name.startswith("on") or name == "style" for name in tag.attrs), tag
        assert tag.name != "style"
        assert tag.name != "script" or tag.get("src", "").startswith("/static/")
    for tag in html.find_all(["link", "img", "script"]):
        assert (tag.get("href") or tag.get("src")).startswith("/static/")
    for link in html.find_all("a", href=re.compile("^#")):
        assert link["href"][1:] in ids
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("state", ["empty", "synced"])
def test_every_page_is_well_made(world, enter, filled, path, state):
    for mode in ("summary", "full"):
        tenant = world.tenant(mode)
        if state == "synced":
            filled(tenant, closed=True)
            tenant.sync()
        page = enter(tenant).get(f"/t/{tenant.slug}{path}", status=200)
        check(page)
        assert tenant.name in page


@pytest.mark.parametrize("path", OPEN)
def test_open_pages_are_open(visitor, path):
    check(visitor.get(path, status=200))
    visitor.head(path, status=200)


def test_the_contract_is_served(visitor):
    assert visitor.get("/api/openapi.yaml").body.startswith(b"openapi: 3")


def test_every_style_sheet_is_there(visitor):
    page = visitor.get("/sign-in")
    for link in page.html.find_all("link"):
        visitor.get(link["href"], status=200)
    assert "cache-control" in visitor.get("/static/hub.css").headers


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_asked_to_sign_in(visitor, summary, path):
    assert "/sign-in" in visitor.get(f"/t/{summary.slug}{path}", status=303).location
    # What does not exist answers the same.
    assert "/sign-in" in visitor.get(f"/t/no-such-tenant{path}", status=303).location


@pytest.mark.parametrize("path", [*PAGES, "/qwc/file", "/records/invoices/1", "/charges/1", "/staff/1"])
def test_another_tenants_pages_are_not_there(world, enter, path):
    one, other = world.tenant("summary"), world.tenant("full")
    page = enter(one).get(f"/t/{other.slug}{path}", status=404)
    assert other.name not in page


def test_another_tenants_rows_are_not_there(world, enter, filled):
    one, other = world.tenant("full"), world.tenant("full")
    filled(other)
    others, browser = enter(other), enter(one)
    found = []
    for path in ("/records/invoices", "/records/customers", "/charges", "/staff"):
        html = others.get(f"/t/{other.slug}{path}").html
        found += [a["href"] for a in html.find("main").find_all("a", href=re.compile(r"/\d+$"))]
    assert len(found) >= 4
    for href in found:
        browser.get(href.replace(other.slug, one.slug), status=404)


@pytest.mark.parametrize(
    "path",
    [
        "/records/invoices/0",
        "/records/invoices/99999999999999999999",
        "/records/invoices/x",
        "/records/invoices/%D9%A1",
        "/records/tenants",
        "/records/charges",
        "/lists/customers",
        "/upload/template/tenant",
        "/queue/1/2",
        "/history?before=x",
        "/history/0",
        "/history/messages/0/request",
        "/queue/0",
    ],
)
def test_what_is_not_there_is_not_found(summary, enter, path):
    enter(summary).get(f"/t/{summary.slug}{path}", status=404)


@pytest.mark.parametrize("path", PAGES)
def test_support_sees_every_page_with_a_banner(support, full, filled, path):
    filled(full)
    page = support.get(f"/t/{full.slug}{path}", status=200)
    check(page)
    assert f"You are looking at {full.name} as support" in page


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/settings", {"mode": "full"}),
        ("/connection/company", {"name": "x", "path": "y", "answer": "confirm"}),
        ("/connection/pause", {"until": "2030-01-01T00:00"}),
        ("/connection/interval", {"minutes": "5"}),
        ("/queue", {"state": "failed", "operation": "1"}),
        ("/queue/1", {}),
        ("/settings/accounts", {}),
        ("/staff", {"email": "new@example.com"}),
        ("/tokens", {"proposal": "hub_" + "x" * 43}),
        ("/charges", {"name": "x", "external_id": "x"}),
        ("/billing-cycles", {"name": "x"}),
        ("/upload", {"kind": "customer"}),
    ],
)
def test_support_changes_nothing_of_a_tenants(support, summary, path, fields):
    token = support.get("/tenants").forms[1]["csrf_token"].value
    answer = support.post(f"/t/{summary.slug}{path}", {"csrf_token": token, **fields}, status=403)
    assert "not yours to do" in answer


def test_new_support_staff_is_logged(world, caplog):
    login = f"new-{uuid.uuid4()}@hub.example"
    with caplog.at_level("INFO"), world.db() as db:
        add_support(db, login)
    (line,) = [line for line in caplog.records if line.message == "support staff added"]
    assert line.login == login


def test_support_makes_and_mails_the_file(world, support, settings):
    tenant = world.tenant("summary")
    page = support.get(f"/t/{tenant.slug}/qwc/email")
    form = page.forms[1]
    form["address"] = "bookkeeper@example.com"
    form.submit(status=303).follow()
    audit = support.get(f"/t/{tenant.slug}/audit")
    assert f"{support.login} (support)" in audit


def test_only_support_sees_the_tenants(summary, enter, visitor):
    enter(summary).get("/tenants", status=403)
    assert "/sign-in" in visitor.get("/tenants", status=303).location


def test_support_finds_a_tenant(support, summary):
    assert summary.name in support.get("/tenants", {"q": summary.slug})
    assert "No tenant found" in support.get("/tenants", {"q": "no such tenant"})


def test_a_form_of_another_site_is_refused(summary, enter):
    browser = enter(summary)
    answer = browser.post(f"/t/{summary.slug}/tokens", {"proposal": "hub_" + "x" * 43}, status=400)
    assert "out of date" in answer
    assert "Nothing was changed" in answer


def test_a_form_that_is_too_long_is_refused(summary, enter):
    browser = enter(summary)
    answer = browser.post(f"/t/{summary.slug}/charges", b"name=" + b"x" * 1_100_000, status=413)
    assert "too large" in answer


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x", "multipart/form-data"),
        (b"name=%ff%fe", "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(summary, enter, body, kind):
    enter(summary).post(f"/t/{summary.slug}/charges", body, {"Content-Type": kind}, status=400)


def test_an_address_that_is_no_text_is_refused(summary, enter):
    browser = enter(summary)
    browser.get(f"/t/{summary.slug}/records/customers?q=%ff", status=400)
    browser.get(f"/t/{summary.slug}/records/customers?q=%00", status=200)


def test_a_page_that_is_not_there_says_so(visitor):
    page = visitor.get("/nowhere", status=404)
    check(page)
    assert "nothing here" in page


def test_a_bug_is_a_page_without_a_traceback(summary, enter, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("hub.views.proof.proof_for", broken)
    page = enter(summary).get(f"/t/{summary.slug}", status=500)
    assert "Something broke" in page
    assert "secret detail" not in page
    assert page.headers["X-Request-Id"] in page


def test_the_menu_leads_where_the_help_says(summary, enter):
    page = enter(summary).get(f"/t/{summary.slug}")
    menu = page.html.find("nav", attrs={"aria-label": "Main"})
    outer = menu.find("a", string="Billing cycles").parent
    inner = outer.find("a", string="Accounting/ERP Integration").parent
    link = inner.find("a", string="Integration Settings")
    settings = page.click(href=f"^{re.escape(link['href'])}$", index=0)
    way = settings.html.find("ol", class_="crumbs").get_text(" ", strip=True)
    assert way == "Billing cycles Accounting/ERP Integration Integration Settings"
    assert "Download QWC file" in settings


def test_the_menu_holds_only_what_the_mode_has_a_use_for(summary, full, enter):
    of_summary, of_full = {"Journal entries"}, {"Full mode settings", "Customer matches"}
    for tenant, shown, hidden in ((summary, of_summary, of_full), (full, of_full, of_summary)):
        page = enter(tenant).get(f"/t/{tenant.slug}")
        menu = page.html.find("nav", attrs={"aria-label": "Main"})
        titles = {link.get_text(strip=True) for link in menu.find_all("a")}
        assert shown <= titles
        assert not hidden & titles
