"""The command ``hub`` as a person or a script finds it: data on stdout, one sentence on stderr."""

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from hub import embedded
from hub.cli import hub as command
from hub.demo import month
from hub.tenants.models import Approval, Staff
from hub.tenants.service import StaffRoom, all_tenants, open_tenant
from tests.journal import Bookkeeper
from tests.views.conftest import fill

PASSWORD = "correct-horse-battery"
GOOD = ["tenant", "add", "Name", "--mode", "full", "--admin", "a@example.com"]


@pytest.fixture
def hub(database_url, tmp_path):
    """Run ``hub`` with arguments; whatever happens, it ends without a traceback."""
    environment = {
        "DATABASE_URL": database_url,
        "BROKER_URL": "memory://",
        "HUB_VAR": str(tmp_path / "var"),
        "HUB_URL": "http://localhost:6543",
    }

    def hub(*arguments, password=None, environ=()):
        run = CliRunner(env=environment | dict(environ))
        typed = password.encode() if isinstance(password, str) else password
        result = run.invoke(command, [str(one) for one in arguments], input=typed and typed + b"\n")
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result

    return hub


@pytest.fixture
def slug(hub, tmp_path):
    """The slug of a new tenant."""
    return ok(hub("tenant", "add", f"Acme {tmp_path.name}", *admin(tmp_path), "--json"))["slug"]


def admin(tmp_path):
    return "--mode", "summary", "--admin", f"{tmp_path.name}-{os.getpid()}@example.com"


def ok(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def assert_sentence(result, words=""):
    """See that a command has failed and says why in one sentence."""
    assert result.exit_code not in (0, None)
    assert result.stdout == ""
    _, _, said = result.stderr.partition("Error: ")
    # Where a command is misspelt, the words are click's own.
    assert said.rstrip().endswith(".") or result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert re.search(words, said), said


# Tenants


def test_a_tenant_is_added_with_its_admin(hub, world, tmp_path):
    shown = ok(hub("tenant", "add", "Zoë & Sons", *admin(tmp_path), "--json"))

    assert set(shown) == {"slug", "password"}
    assert shown["slug"].startswith("zoe-sons")
    assert re.fullmatch("[a-z2-9]{4}(-[a-z2-9]{4}){4}", shown["password"])
    with world.db() as db:
        open_tenant(db, shown["slug"])
        assert [staff.kind.value for staff in db.scalars(select(Staff))] == ["person"]


def test_a_name_that_is_taken_gets_a_number(hub, tmp_path):
    name = f"Twin {tmp_path.name}"
    slugs = []
    for number in (1, 2, 3):
        mail = f"twin{number}-{tmp_path.name}@example.com"
        shown = ok(hub("tenant", "add", name, "--mode", "full", "--admin", mail, "--json"))
        slugs.append(shown["slug"])

    assert slugs == [slugs[0], f"{slugs[0]}-2", f"{slugs[0]}-3"]


def test_without_json_a_sentence_says_it(hub, tmp_path):
    result = hub("tenant", "add", "Plain", *admin(tmp_path))

    assert result.exit_code == 0
    assert re.fullmatch(
        r"Added tenant “Plain” as plain\S*\. .* signs in with the password .*\n", result.stdout
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["", *GOOD[3:]], "1 to 100 characters"),
        (["  ", *GOOD[3:]], "1 to 100 characters"),
        (["x" * 101, *GOOD[3:]], "1 to 100 characters"),
        (["Two\nlines", *GOOD[3:]], "one line"),
        (["Bell\x07", *GOOD[3:]], "one line"),
        (["Name", "--mode", "both", "--admin", "a@example.com"], "mode"),
        (["Name", "--admin", "a@example.com"], "mode"),
        (["Name", "--mode", "full"], "admin"),
        (["Name", "--mode", "full", "--admin", "nobody"], "not an email address"),
        (["Name", "--mode", "full", "--admin", ""], "not an email address"),
        (["Name", "--mode", "full", "--admin", "a@b@c"], "not an email address"),
        ([*GOOD[2:], "--currency", "dollars"], "currency"),
        ([*GOOD[2:], "--currency", ""], "currency"),
        (["\udcff", *GOOD[3:]], "not text"),
        ([], "NAME"),
    ],
)
def test_a_tenant_that_cannot_be_is_refused_and_nothing_is_left_of_it(hub, world, arguments, words):
    with world.db() as db:
        before = len(all_tenants(db))

    assert_sentence(hub("tenant", "add", *arguments), words)

    with world.db() as db:
        assert len(all_tenants(db)) == before


def test_an_email_is_one_persons(hub, tmp_path):
    ok(hub("tenant", "add", "One", *admin(tmp_path), "--json"))

    assert_sentence(hub("tenant", "add", "Two", *admin(tmp_path)), "is taken")


def test_support_staff_are_added(hub, tmp_path):
    login = f"help-{tmp_path.name}@hub.example"

    assert set(ok(hub("support", "add", login, "--json"))) == {"login", "password"}
    assert_sentence(hub("support", "add", login), "is taken")
    assert_sentence(hub("support", "add", "nobody"), "not an email address")


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "nobody"],
        ["proof", "nobody"],
        ["status", "nobody"],
        ["confirm", "nobody"],
        ["pause", "nobody", "--off"],
        ["proof", "\udcff"],
        ["qwc", "nobody", "-o", "x.qwc"],
        ["qwc", "nobody", "--username", "qb-user", "-o", "x.qwc"],
    ],
)
def test_an_unknown_tenant_is_told_so(hub, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert_sentence(hub(*arguments, password=PASSWORD), "There is no tenant|not text")
    assert not Path("x.qwc").exists()


# The QWC file


def test_a_qwc_file_is_written_again_as_it_was(hub, slug, tmp_path):
    first, again, other = (tmp_path / name for name in ("1.qwc", "2.qwc", "3.qwc"))

    written = hub("qwc", slug, "--username", f"{slug}-qb", "-o", first, password=PASSWORD)
    assert (written.exit_code, written.stderr) == (0, "")
    assert hub("qwc", slug, "-o", again).exit_code == 0
    changed = hub("qwc", slug, "--username", f"{slug}-QB", "-o", other, password="another-password")
    assert changed.exit_code == 0

    assert first.read_bytes() == again.read_bytes() == other.read_bytes()
    assert PASSWORD not in first.read_text() + written.output
    assert f"<UserName>{slug}-qb</UserName>" in first.read_text()


def test_a_qwc_file_keeps_its_username(hub, slug, tmp_path):
    hub("qwc", slug, "--username", f"{slug}-qb", "-o", tmp_path / "1.qwc", password=PASSWORD)

    refused = hub("qwc", slug, "--username", f"{slug}-new", "-o", tmp_path / "2.qwc", password=PASSWORD)

    assert_sentence(refused, "username is")
    assert not (tmp_path / "2.qwc").exists()


def test_a_qwc_file_needs_a_username_first(hub, slug, tmp_path):
    assert_sentence(hub("qwc", slug, "-o", tmp_path / "1.qwc"), "username and password first")


@pytest.mark.parametrize(
    "username, password, words",
    [
        ("qb user", PASSWORD, "username takes"),
        ("x", PASSWORD, "username takes"),
        ("é" * 5, PASSWORD, "username takes"),
        ("qb-user", "short", "at least 10"),
        ("qb-user", "x" * 73, "too long"),
        ("qb-user", "\0" * 12, "too long"),
        ("qb-user", "", "No password"),
        ("qb-user", None, "No password"),
        ("qb-user", b"\xff" * 12, "not text"),
    ],
)
def test_a_login_that_cannot_be_is_refused(hub, slug, tmp_path, username, password, words):
    result = hub("qwc", slug, "--username", username, "-o", tmp_path / "1.qwc", password=password)

    assert_sentence(result, words)
    assert not (tmp_path / "1.qwc").exists()


@pytest.mark.parametrize("path", ["", "/nonexistent/acme.qwc", "/proc/acme.qwc", "."])
def test_a_path_that_cannot_be_written_is_told_so(hub, slug, path):
    hub("qwc", slug, "--username", f"{slug}-qb", "-o", os.devnull, password=PASSWORD)

    assert_sentence(hub("qwc", slug, "-o", path), "cannot be written|is a directory")


# Tokens and proof


def test_a_token_is_made_and_opens_the_api(hub, slug, testapp):
    token = hub("token", slug).stdout.strip()
    other = ok(hub("token", slug, "--json"))

    assert set(other) == {"token"}
    assert other["token"] != token
    for one in (token, other["token"]):
        testapp.get("/api/v1/customers", headers={"Authorization": f"Bearer {one}"}, status=200)


def test_a_proof_is_given_as_data_and_as_a_table(hub, world):
    tenant = world.tenant("full")
    tenant.batch(list(month("cli")))
    tenant.close("month")

    shown = ok(hub("proof", tenant.slug, "--json"))

    assert shown["difference"] != "0.00"
    assert {"account", "billed", "booked", "difference"} <= set(shown["accounts"][0])
    assert hub("proof", tenant.slug).stdout.splitlines()[0] == tenant.name
    tenant.sync()
    assert ok(hub("proof", tenant.slug, "--json"))["difference"] == "0.00"


def billed_in_two_months(tenant):
    """Ada is billed 49.95 in October, which is booked, and 10.00 in November, which is not."""
    fill(tenant)
    for _ in range(2):
        tenant.sync()
    lines = [{"charge": "gold", "amount": "10.00"}]
    tenant.put("invoices", "i-2", number="1043", customer="c-1", date="2026-11-02", lines=lines)


def test_a_proof_is_of_the_months_that_are_named_by_customer_too(hub, world):
    tenant = world.tenant("full")
    billed_in_two_months(tenant)

    shown = ok(hub("proof", tenant.slug, "--from", "2026-11", "--to", "2026-11", "--json"))
    assert (shown["from"], shown["to"]) == ("2026-11-01", "2026-11-30")
    assert {month["month"] for month in shown["months"]} == {"2026-11"}
    (ada,) = shown["customers"]
    assert ada == {
        "customer": "Ada Lovelace",
        "currency": "USD",
        "billed": "10.00",
        "paid": "0.00",
        "owed": "10.00",
        "booked": "0.00",
        "difference": "10.00",
        "causes": {"not_sent": "10.00"},
    }
    (before,) = ok(hub("proof", tenant.slug, "--to", "2026-10-31", "--json"))["customers"]
    assert (before["billed"], before["paid"]) == ("49.07", "49.07")
    assert (before["difference"], before["causes"]) == ("0.00", {})
    assert_sentence(hub("proof", tenant.slug, "--from", "2026-11", "--to", "2026-10"), "lies before")
    assert_sentence(hub("proof", tenant.slug, "--from", "May"), "no month")


def test_a_proof_is_csv_too(hub, world):
    tenant = world.tenant("full")
    billed_in_two_months(tenant)

    printed = hub("proof", tenant.slug, "--from", "2026-11", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert {row["part"] for row in rows if row["part"].startswith("month")} == {"month 2026-11"}
    (owed,) = [
        row for row in rows if row["part"] == "account" and row["account"] == "Accounts Receivable"
    ]
    assert (owed["billed"], owed["booked"], owed["difference"]) == ("10.00", "0.00", "10.00")
    assert {row["cause"] for row in rows if row["part"] == "cause"} == {"not_sent"}
    both = hub("proof", tenant.slug, "--csv", "--json")
    assert both.exit_code == 2
    assert "one of the two" in both.stderr


def test_a_proof_of_nothing_is_zero(hub, slug):
    assert ok(hub("proof", slug, "--json"))["difference"] == "0.00"


# The connection


@pytest.fixture
def unconfirmed(world):
    """A tenant whose Web Connector has come, and whose company file waits for a word."""
    tenant = world.tenant("full", confirm_company=False)
    tenant.sync()
    return tenant


def test_a_company_file_is_confirmed_once_it_is_asked_for(hub, unconfirmed):
    shown = hub("confirm", unconfirmed.slug, password="n")
    assert f"QuickBooks has “{unconfirmed.name}” open, at {unconfirmed.company_path}." in shown.stdout
    assert "Nothing is confirmed" in shown.stdout
    assert unconfirmed.connection().confirmed is None

    shown = hub("confirm", unconfirmed.slug, password="y")
    assert f"“{unconfirmed.name}” is confirmed." in shown.stdout
    assert unconfirmed.connection().confirmed

    again = hub("confirm", unconfirmed.slug)
    assert (again.exit_code, again.stdout) == (0, "No company file waits to be confirmed.\n")


def test_a_script_confirms_without_being_asked(hub, unconfirmed):
    assert "is confirmed" in hub("confirm", unconfirmed.slug, "--yes").stdout
    unconfirmed.put("customers", "ada", name="Ada")
    unconfirmed.sync()
    assert unconfirmed.operations() == [("customer", "done", "")]


def test_a_connection_is_paused_and_goes_on(hub, slug, world):
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).replace(second=0, microsecond=0)
    shown = hub("pause", slug, "--until", f"{until:%Y-%m-%dT%H:%M}", "--reason", "year end")
    assert shown.stdout == f"Paused until {until.day} {until:%b %Y, %H:%M} UTC.\n"
    assert hub("pause", slug, "--until", f"{until:%Y-%m-%d %H:%MZ}").stdout == "Nothing has changed.\n"
    assert hub("pause", slug, "--off").stdout == "The connection goes on.\n"
    assert hub("pause", slug, "--off").stdout == "Nothing has changed.\n"
    with world.db() as db:
        log = StaffRoom(db, open_tenant(db, slug), "test").audit_log()
        acts = [entry.action for entry in log if entry.action.startswith("connection")]
    assert acts == ["connection goes on", "connection paused"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "--until or --off"),
        (["--off", "--until", "2001-01-01"], "--until or --off"),
        (["--until", "tomorrow"], "no date and time"),
        (["--until", "2001-01-01"], "is past"),
        (["--until", "9999-01-01"], "more than a year"),
    ],
)
def test_a_pause_that_cannot_be_is_refused(hub, slug, arguments, words):
    assert_sentence(hub("pause", slug, *arguments), words)


def test_the_status_is_given_as_data_and_as_sentences(hub, slug, unconfirmed):
    shown = ok(hub("status", slug, "--json"))
    assert (shown["state"], shown["company"], shown["last_seen"]) == ("Not set up", None, None)
    assert set(shown["records"].values()) == {0}
    said = hub("status", slug).stdout
    assert "Not set up" in said
    assert "Never seen." in said
    assert "Records: none yet" in said

    unconfirmed.put("customers", "ada", name="Ada")
    shown = ok(hub("status", unconfirmed.slug, "--json"))
    assert (shown["state"], shown["confirmed"]) == ("Waits for you", False)
    assert shown["path"] == str(unconfirmed.company_path)
    said = hub("status", unconfirmed.slug).stdout
    assert f"{unconfirmed.name}: Waits for you" in said
    assert "Records: 1 Ready" in said


# The sandbox


def test_the_books_of_a_company_file_are_printed(hub, world):
    tenant = world.tenant("full")
    tenant.sync()

    shown = ok(hub("books", tenant.company_path, "--json"))

    assert {"company", "accounts", "debit", "credit", "counts"} == set(shown)
    assert tenant.name in hub("books", tenant.company_path).stdout


@pytest.fixture
def qwc_file(hub, slug, tmp_path):
    """A QWC file for a server that is not there."""
    path = tmp_path / "acme.qwc"
    environ = {"HUB_URL": f"http://localhost:{embedded.free_port()}"}
    written = hub(
        "qwc", slug, "--username", f"{slug}-qb", "-o", path, password=PASSWORD, environ=environ
    )
    assert written.exit_code == 0
    return path


def test_a_server_that_is_down_is_told_so(hub, qwc_file, tmp_path):
    result = hub("connect", qwc_file, "--company", tmp_path / "acme.qbw", "--once", password=PASSWORD)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "QBWC1004" in result.stderr


@pytest.mark.parametrize(
    "text", ["", "hello", "<a/>", "<QBWCXML/>", "\ufeff<QBWCXML>", "<!DOCTYPE x><QBWCXML/>"]
)
def test_a_file_that_is_no_qwc_file_is_told_so(hub, tmp_path, text):
    path = tmp_path / "bad.qwc"
    path.write_text(text, "utf-8")

    assert_sentence(hub("connect", path, "--company", tmp_path / "a.qbw", password=PASSWORD), "QBWC1039")
    assert not (tmp_path / "a.qbw").exists()


def test_bytes_that_are_no_qwc_file_are_told_so(hub, tmp_path):
    path = tmp_path / "bad.qwc"
    path.write_bytes(b"\xff\xfe\xfa")

    assert_sentence(
        hub("connect", path, "--company", tmp_path / "a.qbw", password=PASSWORD), "cannot be read"
    )


@pytest.mark.parametrize("company", ["/nonexistent/acme.qbw", "/proc/acme.qbw", "."])
def test_a_company_file_that_cannot_be_made_is_told_so(hub, qwc_file, company):
    assert_sentence(hub("connect", qwc_file, "--company", company, password=PASSWORD))


def test_a_file_that_is_no_company_file_is_told_so(hub, qwc_file, tmp_path):
    path = tmp_path / "letter.qbw"
    path.write_text("Dear reader, " * 100)

    assert_sentence(hub("books", path), "not a company file")
    assert_sentence(hub("connect", qwc_file, "--company", path, password=PASSWORD), "not a company file")
    assert path.read_text() == "Dear reader, " * 100


@pytest.mark.parametrize(
    "arguments", [["books", "none.qbw"], ["connect", "none.qwc", "--company", "a.qbw"]]
)
def test_a_file_that_is_missing_is_told_so(hub, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert_sentence(hub(*arguments, password=PASSWORD), "does not exist")
    assert list(tmp_path.glob("*.qbw")) == []


def test_connecting_needs_a_password(hub, qwc_file, tmp_path):
    assert_sentence(hub("connect", qwc_file, "--company", tmp_path / "a.qbw"), "No password")


# Settings


@pytest.mark.parametrize(
    "environ, words",
    [
        ({"DATABASE_URL": "postgresql://nobody@localhost:1/hub"}, "database"),
        ({"DATABASE_URL": "postgresql://nobody@no-such-host.invalid/hub"}, "database"),
        ({"DATABASE_URL": "mysql://localhost/hub"}, "DATABASE_URL"),
        ({"HUB_PORT": "many"}, "HUB_PORT"),
        ({"HUB_URL": "nonsense"}, "HUB_URL"),
        ({"HUB_DEVELOPMENT": "perhaps"}, "HUB_DEVELOPMENT"),
        ({"HUB_DEVELOPMENT": "false"}, "HUB_"),
    ],
)
def test_a_setting_that_is_wrong_is_named(hub, environ, words):
    assert_sentence(hub("proof", "acme", environ=environ), words)


def test_a_database_without_the_schema_is_told_so_in_production(hub, empty_database_url):
    environ = {
        "HUB_DEVELOPMENT": "false",
        "HUB_URL": "https://hub.example.com",
        "HUB_SECRET": "s" * 32,
        "DATABASE_URL": empty_database_url,
    }

    assert_sentence(hub("proof", "acme", environ=environ), "database")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["tenant", "remove", "x"], ["proof"], ["proof", "a", "b"]]
)
def test_what_is_no_command_is_told_so(hub, arguments):
    assert_sentence(hub(*arguments))


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["tenant", "add", "--help"], ["connect", "-h"]]
)
def test_help_is_given(hub, arguments):
    result = hub(*arguments)

    assert result.exit_code == 0
    assert "Usage:" in result.stdout


# From nothing to the proof


class Terminal:
    """A person's terminal: each command a process of its own, on data of its own."""

    def __init__(self, var):
        self.var = var
        kept = ("DATABASE_URL", "BROKER_URL")
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HUB_", "QBWC_")) and name not in kept
        }

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "hub.cli", *map(str, arguments)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, password="", settled=True):
        process = self.start(*arguments, *(["--var", self.var] if settled else []))
        out, err = process.communicate(f"{password}\n", timeout=60)
        return process.returncode, out, err

    def json(self, *arguments, **options):
        status, out, err = self.run(*arguments, "--json", **options)
        assert status == 0, out + err
        return json.loads(out)


@pytest.fixture
def terminal():
    # Not under tmp_path: PostgreSQL may run as another user, who cannot look in there.
    var = tempfile.mkdtemp(prefix="hub-cli-")
    yield Terminal(var)
    for process in processes_of(var):
        process.kill()
    shutil.rmtree(var, ignore_errors=True)


def processes_of(var):
    """Return all processes that say ``var`` in their command line or environment, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            said = " ".join([*process.cmdline(), *process.environ().values(), process.cwd()])
            if var in said and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_two_tenants_go_from_nothing_to_a_proof_of_zero(terminal):
    port = embedded.free_port()
    up = terminal.start("up", "--port", port, "--var", terminal.var)
    url = f"http://localhost:{port}"
    try:
        wait_until_healthy(up, url)
        with ThreadPoolExecutor(2) as pool:
            proofs = list(pool.map(lambda mode: journey(terminal, url, mode), ("summary", "full")))
    finally:
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=30)

    assert proofs == ["0.00", "0.00"]
    assert (up.returncode, err) == (0, "")
    assert url in out
    assert processes_of(terminal.var) == []


def test_a_wrong_password_is_told_so(hub, served, world, tmp_path):
    tenant = world.tenant("full")
    qwc = tmp_path / "acme.qwc"
    assert hub("qwc", tenant.slug, "-o", qwc, environ={"HUB_URL": served}).exit_code == 0

    refused = hub("connect", qwc, "--company", tmp_path / "a.qbw", "--once", password="not-the-password")
    told = hub("connect", qwc, "--company", tmp_path / "a.qbw", "--json", password="not-the-password")
    let_in = hub("connect", qwc, "--company", tmp_path / "a.qbw", "--once", password=PASSWORD)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "QBWC1040: Invalid password" in refused.stderr
    assert told.exit_code == 1
    assert json.loads(told.stdout)["ok"] is False
    assert (let_in.exit_code, let_in.stdout != "") == (0, True)


def test_once_and_every_are_not_said_together(hub, qwc_file, tmp_path):
    both = hub(
        *("connect", qwc_file, "--company", tmp_path / "a.qbw", "--once", "--every", "5"),
        password=PASSWORD,
    )

    assert_sentence(both, "not both")


def wait_until_healthy(up, url):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert up.poll() is None, up.communicate()
        try:
            if httpx.get(f"{url}/healthz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the hub did not answer")


def journey(terminal, url, mode):
    """Set up a tenant, bill a month, let the Web Connector run, approve; return what the books are off."""
    folder = Path(terminal.var)
    login = ("tenant", "add", f"The {mode} shop", "--mode", mode, "--admin", f"{mode}@example.com")
    slug = terminal.json(*login, "--confirm-company")["slug"]
    qwc, company = folder / f"{slug}.qwc", folder / f"{slug}.qbw"
    status, _, err = terminal.run("qwc", slug, "--username", f"{mode}-qb", "-o", qwc, password=PASSWORD)
    assert (status, err) == (0, "")
    assert f"<AppURL>{url}/qbwc</AppURL>" in qwc.read_text()

    headers = {"Authorization": f"Bearer {terminal.json('token', slug)['token']}"}
    lines = [
        json.dumps({"kind": kind, "external_id": external_id, "version": 1} | body)
        for kind, external_id, body in month(mode)
    ]
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=30) as api:
        assert api.post("/batches", content="\n".join(lines)).raise_for_status().json()["refused"] == 0
        api.post("/billing-cycles/month/close").raise_for_status()

    connect = ("connect", qwc, "--company", company, "--once")
    first = terminal.json(*connect, password=PASSWORD, settled=False)
    # The chart is here now; the first journal entries wait for a person.
    terminal.json("approve", slug, "--all")
    terminal.json(*connect, password=PASSWORD, settled=False)
    again = terminal.json(*connect, password=PASSWORD, settled=False)
    assert (first["ok"], first["requests"] > 0) == (True, True)
    assert (again["ok"], again["nothing_to_do"]) == (True, True)
    books = terminal.json("books", company, settled=False)
    assert books["debit"] == books["credit"] != "0.00"
    proof = terminal.json("proof", slug)
    booked = {row["account"]: row["balance"] for row in books["accounts"] if row["balance"] != "0.00"}
    assert booked == {r["account"]: r["booked"] for r in proof["accounts"] if r["booked"] != "0.00"}
    return proof["difference"]


# Approval


@pytest.fixture
def waiting(summary):
    """A tenant whose October waits for approval."""
    Bookkeeper(summary).choose(approval=Approval.MANUAL)
    summary.sync()
    fill(summary, closed=True)
    return summary


def test_what_waits_is_shown_and_stays(hub, waiting):
    shown = ok(hub("approve", waiting.slug, "--json"))
    assert {row["number"] for row in shown["waiting"]} == {"B261031-1", "P261031-1", "C261031-1"}
    assert shown["approved"] == []
    billed = next(row for row in shown["waiting"] if row["what"] == "billing")
    assert billed["debits"] == "54.07"
    assert sum(Decimal(line["amount"]) for line in billed["lines"]) == 0
    text = hub("approve", waiting.slug).stdout
    assert "B261031-1" in text
    assert "Approve them by number, or with --all." in text
    waiting.sync()
    assert waiting.counts().get("JournalEntry", 0) == 0


def test_entries_are_approved_by_number_and_all_at_once(hub, waiting):
    assert ok(hub("approve", waiting.slug, "B261031-1", "--json"))["approved"] == ["B261031-1"]
    waiting.sync()
    assert waiting.counts()["JournalEntry"] == 1
    said = hub("approve", waiting.slug, "--all")
    assert said.exit_code == 0
    assert "2 are approved" in said.stdout
    waiting.sync()
    assert waiting.proof().difference == 0
    assert "no journal entry waits" in hub("approve", waiting.slug).stdout


def test_what_cannot_be_approved_is_said_and_ends_with_a_status(hub, waiting):
    assert_sentence(hub("approve", waiting.slug, "NONE-1"), "No journal entry NONE-1 waits")
    waiting.put("charges", "gold", version=2, name="Gold plan")
    result = hub("approve", waiting.slug, "--all", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["approved"] == ["P261031-1"]
    assert all("has no accounting code" in sentence for sentence in shown["left"])
