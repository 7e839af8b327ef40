"""Somebody at a real browser."""

import re
import shutil
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FILES = re.compile(r"\.(csv|pdf)$|/qwc/file$|/upload/template/|/openapi\.yaml$|/history/messages/")
"""Links that lead to no page."""
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
}
"""WCAG 2.2 AA: whatever breaks it, of any weight."""


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("There is no Chromium here, so the pages are not tried in a browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request):
    return request.param


class Person:
    """Somebody at a browser, who sees all that it complains about."""

    def __init__(self, page, address):
        self.page = page
        self.address = address
        self.complaints = []
        self.widths = [1280, 390]
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._same_host)

    def _same_host(self, request):
        if not request.url.startswith((self.address, "data:")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def go(self, path):
        self.page.goto(self.address + path)

    def click(self, name, role="link"):
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def tab_to(self, id_):
        """Press Tab until the element with this id has the focus."""
        for _ in range(10):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.id") == id_:
                return
        raise AssertionError(f"#{id_} cannot be reached by keyboard")

    def sign_in(self, tenant):
        self.go("/")
        self.tab_to("f-login")
        self.page.keyboard.type(tenant.admin)
        self.tab_to("f-password")
        self.page.keyboard.type(tenant.password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.address}/t/{tenant.slug}")

    def heading(self):
        return self.page.get_by_role("heading", level=1).inner_text()

    def walk(self, *ahead):
        """Open every kind of page that links lead to, once; yield the path of each."""
        ahead, known = list(ahead), set()
        while ahead:
            path = ahead.pop()
            kind = re.sub(r"/\d+", "/1", path)
            if kind in known or FILES.search(path):
                continue
            known.add(kind)
            self.go(path)
            yield path
            ahead += self.page.evaluate("[...document.links].map(link => link.href)")
            ahead = [urlsplit(link).path for link in ahead]

    def assert_accessible(self, path, part=None):
        """Let axe-core judge the page, or that part of it."""
        found = Axe().run(self.page, part, RULES)
        assert not found.response["violations"], (path, found.generate_report())

    def look(self, path=""):
        """What holds for every page, however wide."""
        assert self.page.locator("h1").count() == 1
        for width in self.widths:
            if self.page.viewport_size["width"] != width:
                self.page.set_viewport_size({"width": width, "height": 800})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{self.page.url} is {wide} pixels wide on a screen of {width}"
        self.widths.reverse()
        assert not self.complaints, (self.page.url, self.complaints)


@pytest.fixture
def person(served, chromium, javascript):
    """Somebody at a browser of their own."""
    context = chromium.new_context(java_script_enabled=javascript, accept_downloads=True)
    context.set_default_timeout(5000)
    yield Person(context.new_page(), served)
    context.close()
