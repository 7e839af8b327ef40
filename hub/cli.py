"""The command ``hub``: everything that is done from a terminal.

Every command says in a sentence what it did, gives data with ``--json``, and on an
error says so on standard error and ends with a status other than zero.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pyramid.paster import get_appsettings
from sqlalchemy.exc import OperationalError, ProgrammingError

from hub import application, demo, embedded, observe, supervisor, tasks
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import HubSession, migrate, unit
from hub.errors import HubError, Refused
from hub.exporters import customers_for, proof_for
from hub.money import pretty
from hub.qbwc import decisions
from hub.qbwc import qwc as qwc_file
from hub.qbwc.decisions import Decisions
from hub.qbwc.desk import Desk
from hub.qbwc.journal import Journal
from hub.qbwc.outbox import Outbox
from hub.qbwc.pulse import pulse, spoken
from hub.report import approval_table, books_table, draft_facts, proof_table
from hub.sandbox import books as sandbox_books
from hub.sandbox import qwc as sandbox_qwc
from hub.sandbox.company import Company
from hub.sandbox.outcome import Outcome
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.webconnector import WebConnector
from hub.serve import serve
from hub.settings import load, variables
from hub.tenants.models import Approval, Mode
from hub.tenants.service import StaffRoom, add_support, create_tenant, open_tenant
from hub.views import proof_files
from hub.views.span import months

ACTOR = "command line"


class Group(click.Group):
    """A group of commands whose errors are sentences on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as error:
            details = [f.sentence for f in error.faults if f.sentence != str(error)]
            raise click.ClickException(" ".join([str(error), *details])) from None
        except HubError as error:
            raise click.ClickException(str(error)) from None
        except UnicodeError:
            raise click.ClickException("What was given is not text in UTF-8.") from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def hub() -> None:
    """Billing records into QuickBooks Desktop, and the proof to the cent."""
    logging.getLogger().setLevel(logging.WARNING)


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--var`` and ``--config``, and the settings they lead to as first
    argument: those of the .ini file, or else of a development machine."""

    @click.option(
        "--var", type=click.Path(path_type=Path), help="Where data are kept (var, or HUB_VAR)."
    )
    @click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False),
        help="The .ini file to take settings from, such as production.ini.",
    )
    @wraps(command)
    def with_settings(var: Path | None, config: str | None, **options: Any) -> Any:
        told = variables(HUB_VAR=var, HUB_PORT=options.get("port"))
        given = get_appsettings(config) if config else {"hub.development": "true"}
        return command(load(given, told), **options)

    return with_settings


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--json``."""
    return click.option("--json", "json_", is_flag=True, help="Print data as JSON.")(command)


@contextmanager
def database(settings: dict[str, Any]) -> Iterator[HubSession]:
    """Lend a session on the newest schema; what was done is committed when the block ends well.

    :raises HubError: when the database cannot be reached, or lacks what a migration would make.
    """
    try:
        with embedded.lent(settings) as lent:
            if lent["hub.development"]:
                migrate(lent["sqlalchemy.url"])
            with unit(lent) as db:
                yield db
    except (OperationalError, ProgrammingError) as error:
        reason = str(error.orig).splitlines()[0].rstrip(".")
        raise HubError(f"The database cannot be used: {reason}.") from None


def say(json_: bool, data: Any, sentence: str) -> None:
    """Print ``data`` as JSON, or the sentence."""
    click.echo(json.dumps(data, indent=2) if json_ else sentence)


def read_password() -> str:
    """Return the password from standard input; asked for when that is a terminal."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, err=True))
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise HubError("No password came on standard input.")
    return password


@hub.command()
@click.option("--port", type=int, help="Where pages and the Web Connector are answered (6543).")
@configured
def up(settings: dict[str, Any], port: int | None) -> None:
    """Start web, worker and beat, and PostgreSQL and Valkey where no real ones are named."""
    supervisor.up(settings, port, lambda url: click.echo(f"The hub answers at {url}. Ctrl-C stops it."))


@hub.command(hidden=True)
@configured
def web(settings: dict[str, Any]) -> None:
    """Serve pages, API and Web Connectors until SIGTERM; ``hub up`` starts this."""
    observe.configure(settings)
    serve(application(settings), settings)


@hub.command(hidden=True)
@configured
def worker(settings: dict[str, Any]) -> None:
    """Carry out tasks, and send the periodic ones, until SIGTERM; ``hub up`` starts this."""
    observe.configure(settings)
    application(settings)
    tasks.work(str(Path(settings["hub.var"], "beat-schedule")))


@hub.command()
@click.option("--port", type=int, help="Where the hub answers (6543).")
@configured
def run(settings: dict[str, Any], port: int | None) -> None:
    """Start the hub with two demonstration tenants, show their proof, and keep serving."""
    supervisor.up(settings, port, lambda url: demo.show(settings, url, click.echo, once=False))


@hub.command(name="demo")
@click.option("--port", type=int, help="Where the hub answers (6543).")
@configured
def demonstrate(settings: dict[str, Any], port: int | None) -> None:
    """Do what ``run`` does without serving on; fail if any cent is off."""
    try:
        supervisor.up(settings, port, lambda url: demo.show(settings, url, click.echo, once=True))
    except demo.Finished as finished:
        if finished.difference:
            raise HubError(f"The books are {pretty(finished.difference)} off.") from None


@hub.group()
def tenant() -> None:
    """Tenants: businesses that bill through the hub."""


@tenant.command("add")
@click.argument("name")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), required=True)
@click.option("--admin", metavar="EMAIL", required=True, help="The person who signs in first.")
@click.option("--currency", default="USD", show_default=True)
@click.option(
    "--confirm-company", is_flag=True, help="Take the first company file that connects as right."
)
@click.option(
    "--approval",
    type=click.Choice([approval.value for approval in Approval]),
    default=Approval.AFTER_FIRST.value,
    show_default=True,
    help="Whether a person approves journal entries before they are sent.",
)
@as_json
@configured
def tenant_add(
    settings: dict[str, Any],
    name: str,
    mode: str,
    admin: str,
    currency: str,
    confirm_company: bool,
    approval: str,
    json_: bool,
) -> None:
    """Add a tenant and its first admin; print the slug and a one-time password."""
    with database(settings) as db:
        added = create_tenant(db, name, Mode(mode), currency, confirm_company, ACTOR, Approval(approval))
        main_connection(db, added)
        _, password = StaffRoom(db, added, ACTOR).add_person(admin)
        slug = added.slug
    sentence = f"Added tenant “{name}” as {slug}. {admin} signs in with the password {password}"
    say(json_, {"slug": slug, "password": password}, sentence)


@hub.group()
def support() -> None:
    """The hub's own support staff, who may help any tenant."""


@support.command("add")
@click.argument("email")
@as_json
@configured
def support_add(settings: dict[str, Any], email: str, json_: bool) -> None:
    """Add a member of the support staff; print a one-time password."""
    with database(settings) as db:
        password = add_support(db, email)
    say(json_, {"login": email, "password": password}, f"Added {email} with the password {password}")


@hub.command()
@click.argument("tenant")
@click.option("--username", help="Creates this integration login, its password on standard input.")
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@configured
def qwc(settings: dict[str, Any], tenant: str, username: str | None, output: Path) -> None:
    """Write a tenant's QWC file; without --username the same file again."""
    password = read_password() if username else ""
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        integration = Integration(db, opened, main_connection(db, opened, lock=True), ACTOR)
        if username:
            integration.set_up(username, password)
        text = qwc_file.document(settings, opened, integration.connection, integration.login())
        integration.note("QWC file written")
    try:
        output.write_text(text, "ascii")
    except OSError as error:
        raise HubError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(f"Wrote {output}. Its password is not in it.")


@hub.command()
@click.argument("tenant")
@as_json
@configured
def token(settings: dict[str, Any], tenant: str, json_: bool) -> None:
    """Make an API token for a tenant and print it, once."""
    with database(settings) as db:
        made = StaffRoom(db, open_tenant(db, tenant), ACTOR).new_token()
    say(json_, {"token": made}, made)


@hub.command()
@click.argument("tenant")
@click.option("--yes", is_flag=True, help="Confirm without being asked.")
@configured
def confirm(settings: dict[str, Any], tenant: str, yes: bool) -> None:
    """Say that the company file that waits for a tenant's word is the right one."""
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        place = decisions.waiting(main_connection(db, opened))
    if place is None:
        click.echo("No company file waits to be confirmed.")
        return
    click.echo(f"QuickBooks has “{place.name}” open, at {place.path or 'an unknown place'}.")
    if not yes and not click.confirm("Are these the tenant's books?"):
        click.echo("Nothing is confirmed, and nothing is written into it.")
        return
    # Nobody is kept waiting while the question is answered; what changed meanwhile is noticed.
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        Decisions(db, opened, main_connection(db, opened, lock=True), ACTOR).confirm(place)
    click.echo(f"“{place.name}” is confirmed. What is ready goes with the Web Connector's next run.")


@hub.command()
@click.argument("tenant")
@click.option("--until", metavar="ISO", help="When it goes on: 2026-11-30T18:00, in UTC.")
@click.option("--off", is_flag=True, help="Go on now.")
@click.option("--reason", default="", help="Stands in the audit log.")
@configured
def pause(settings: dict[str, Any], tenant: str, until: str | None, off: bool, reason: str) -> None:
    """Send nothing to a tenant's QuickBooks until a moment, or go on."""
    if off == bool(until):
        raise click.UsageError("Say --until or --off, one of the two.")
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        moment = decisions.moment(until or "")
        connection = main_connection(db, opened, lock=True)
        changed = Decisions(db, opened, connection, ACTOR).pause(moment, reason)
    if not changed:
        click.echo("Nothing has changed.")
    else:
        click.echo(f"Paused until {spoken(moment)}." if moment else "The connection goes on.")


@hub.command()
@click.argument("tenant")
@click.argument("numbers", nargs=-1, metavar="[NUMBER…]")
@click.option("--all", "all_", is_flag=True, help="Approve all that wait.")
@as_json
@configured
def approve(
    settings: dict[str, Any], tenant: str, numbers: tuple[str, ...], all_: bool, json_: bool
) -> None:
    """Print the journal entries that wait for approval, and approve those that are named."""
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        journal = Journal(db, Outbox(db, opened), StaffRoom(db, opened, ACTOR))
        waiting = {entry.number: entry for entry in journal.waiting()}
        if unknown := [number for number in numbers if number not in waiting]:
            raise HubError(f"No journal entry {', '.join(unknown)} waits for approval.")
        drafts = journal.exporter.drafts(list(waiting.values())) if waiting else {}
        rows = [draft_facts(drafts[entry.id]) for entry in waiting.values()]
        wanted = list(waiting) if all_ else numbers
        answer = journal.approve([waiting[number].id for number in wanted]) if wanted else None
        approved = [entry.number for entry in answer.entries] if answer else []
        left = list(answer.left) if answer else []
        name = opened.name
    facts = {"waiting": rows, "approved": approved, "left": left}
    say(json_, facts, approval_table(name, rows, approved, left))
    if left:
        raise click.exceptions.Exit(1)


@hub.command()
@click.argument("tenant")
@as_json
@configured
def status(settings: dict[str, Any], tenant: str, json_: bool) -> None:
    """Print how a tenant's connection is doing, and how many records stand where."""
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        connection = main_connection(db, opened)
        desk = Desk(db, connection)
        now = pulse(connection, desk.last_session(), dt.datetime.now(dt.UTC))
        counts = desk.counts()
        seen = connection.last_seen
        facts = {
            "state": now.word,
            "sentence": now.sentence,
            "company": connection.company_name,
            "path": connection.company_path,
            "confirmed": connection.confirmed is not None,
            "last_seen": seen.isoformat() if seen else None,
            "records": {state.value: many for state, many in counts.items()},
        }
        name = opened.name
    many = ", ".join(f"{many} {state.label}" for state, many in counts.items() if many)
    seen_then = f"Last seen {spoken(seen)}." if seen else "Never seen."
    say(
        json_,
        facts,
        f"{name}: {now.word}\n{now.sentence}\n{seen_then}\nRecords: {many or 'none yet'}",
    )


@hub.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--company", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--once", is_flag=True, help="One session, the default.")
@click.option("--every", type=click.IntRange(1), help="A session every so many seconds.")
@click.option(
    "--transcript", type=click.Path(path_type=Path, file_okay=False), help="Keep every message here."
)
@as_json
def connect(
    file: Path, company: Path, once: bool, every: int | None, transcript: Path | None, json_: bool
) -> None:
    """Be a Web Connector with a sandbox QuickBooks: password on standard input."""
    if once and every:
        raise click.UsageError("Say --once or --every, not both.")
    application_ = sandbox_qwc.load(file)
    password = read_password()
    with Company(company, name=company.stem.replace("-", " ").title()) as opened:
        connector = WebConnector(application_, password, QuickBooks(opened), transcript=transcript)
        if every:
            for outcome in connector.run_every(every):
                _report(outcome, json_)
            return
        outcome = _with_progress(connector)
    _report(outcome, json_)
    if not outcome.ok:
        raise click.exceptions.Exit(1)


def _with_progress(connector: WebConnector) -> Outcome:
    with click.progressbar(length=100, label="Web Connector", file=sys.stderr) as bar:
        return connector.run(lambda percent, _sentence: bar.update(max(0, percent - bar.pos)))


def _report(outcome: Outcome, json_: bool) -> None:
    facts = {
        "ok": outcome.ok,
        "percent": outcome.percent,
        "code": outcome.code,
        "error": outcome.last_error,
        "message": outcome.message,
        "messages": outcome.messages,
        "requests": outcome.requests,
        "statuses": {str(code): count for code, count in outcome.statuses.items()},
        "nothing_to_do": outcome.nothing_to_do,
    }
    said = "Nothing to do." if outcome.nothing_to_do else outcome.message
    if not outcome.ok and outcome.last_error:
        # The window's last words are the server's good-bye, whatever went wrong before.
        said = ": ".join(filter(None, (outcome.code, outcome.last_error)))
    click.echo(
        json.dumps(facts)
        if json_
        else f"{said} ({outcome.requests} requests in {outcome.messages} messages)",
        err=not outcome.ok and not json_,
    )


@hub.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def books(path: Path, json_: bool) -> None:
    """Print the trial balance and counts of a sandbox company file."""
    with Company(path) as company:
        report = sandbox_books.report(company)
    say(json_, report, books_table(report))


@hub.command()
@click.argument("tenant")
@click.option(
    "--from", "first", default="", metavar="MONTH", help="The first month: 2026-05, or its first day."
)
@click.option(
    "--to", "last", default="", metavar="MONTH", help="The last month: 2026-05, or its last day."
)
@click.option("--csv", "csv_", is_flag=True, help="Print the accounts, causes and months as CSV.")
@as_json
@configured
def proof(settings: dict[str, Any], tenant: str, first: str, last: str, csv_: bool, json_: bool) -> None:
    """Print billed, booked and their difference, by account and by cause; as JSON by customer too."""
    if csv_ and json_:
        raise click.UsageError("Say --json or --csv, one of the two.")
    with database(settings) as db:
        opened = open_tenant(db, tenant)
        span = months(first, last)
        found = proof_for(db, opened, span, thorough=True)
        facts = found.as_json()
        if json_:
            facts["customers"] = [row.as_json() for row in customers_for(db, opened, span).page()[0]]
        name = opened.name
    if csv_:
        click.echo(proof_files.csv(found).decode("utf-8-sig"), nl=False)
        return
    say(json_, facts, f"{name}\n{proof_table(found)}")


if __name__ == "__main__":
    hub()
