"""Tenants with all their doors, for tests: API, pages' services, Web Connector, company file."""

from __future__ import annotations

import itertools
import json
import os
import re

import httpx
from sqlalchemy import select, text
from webtest import TestApp

from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import unit
from hub.exporters import proof_for
from hub.qbwc import qwc, readback
from hub.qbwc.models import Operation
from hub.sandbox import books
from hub.sandbox import qwc as sandbox_qwc
from hub.sandbox.company import Company
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.service import Service
from hub.sandbox.webconnector import WebConnector
from hub.tenants.models import Approval, Mode
from hub.tenants.service import StaffRoom, create_tenant, open_tenant
from tests.checker import CHECKS, assert_valid

PASSWORD = "correct-horse-battery"
_numbers = itertools.count(1)


class World:
    """Makes tenants, each with a name of its own."""

    def __init__(self, app, settings, folder):
        self.app = app
        self.settings = settings
        self.folder = folder

    def tenant(self, mode, confirm_company=True):
        return Tenant(self, mode, confirm_company)

    def db(self):
        """A session of its own, committed at the end of the block."""
        return unit(self.settings)


class Tenant:
    """One tenant and what belongs to it."""

    def __init__(self, world, mode, confirm_company):
        self.world = world
        number = f"{os.getpid()}-{next(_numbers)}"
        self.admin = f"admin-{number}@example.com"
        self.username = f"qb-{number}"
        self.company_path = world.folder / f"company-{number}.qbw"
        self.transcript = world.folder / f"transcript-{number}"
        with world.db() as db:
            made = create_tenant(
                db,
                f"Tenant {number}",
                Mode(mode),
                confirm_company=confirm_company,
                approval=Approval.AUTOMATIC,
            )
            self.id, self.slug, self.name = made.id, made.slug, made.name
            room = StaffRoom(db, made, "test")
            _, self.password = room.add_person(self.admin)
            self.token = room.new_token()
            Integration(db, made, main_connection(db, made), "test").set_up(self.username, PASSWORD)
        self._api = TestApp(world.app)

    # the API

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def put(self, kind, external_id, expect="2*", **body):
        body.setdefault("version", 1)
        address = f"/api/v1/{kind}/{external_id}"
        return self._api.put_json(address, body, headers=self.headers(), status=expect)

    def get(self, address, status=200):
        return self._api.get(f"/api/v1/{address}", headers=self.headers(), status=status)

    def close(self, cycle, status=200):
        address = f"/api/v1/billing-cycles/{cycle}/close"
        return self._api.post(address, headers=self.headers(), status=status)

    def batch(self, records, partial=False, status="2*"):
        """Push ``(kind, external_id, body)`` in one batch."""
        lines = [
            json.dumps({"kind": kind, "external_id": external_id, "version": 1} | body)
            for kind, external_id, body in records
        ]
        address = "/api/v1/batches" + ("?partial=true" if partial else "")
        body = "\n".join(lines).encode()
        headers = self.headers() | {"Content-Type": "application/x-ndjson"}
        return self._api.post(address, body, headers=headers, status=status)

    # QuickBooks

    def qwc(self):
        """The QWC file as it is downloaded."""
        with self.world.db() as db:
            opened = open_tenant(db, self.slug)
            integration = Integration(db, opened, main_connection(db, opened), "test")
            return qwc.document(self.world.settings, opened, integration.connection, integration.login())

    def connector(self, company, password=PASSWORD, **options):
        """A Web Connector on ``company`` that knocks at the application's own door."""
        return WebConnector(
            sandbox_qwc.parse(self.qwc()),
            password,
            QuickBooks(company, **options),
            transcript=self.transcript,
            transport=httpx.WSGITransport(app=self.world.app),
            sleep=lambda _seconds: None,
        )

    def service(self):
        """The SOAP service as a Web Connector calls it, call by call."""
        transport = httpx.WSGITransport(app=self.world.app)
        return Service(f"{self.world.settings['hub.url']}/qbwc", transport)

    def greeting(self, company):
        """What the Web Connector sends along with the first sendRequestXML."""
        owner = sandbox_qwc.parse(self.qwc()).owner_id
        return QuickBooks(company).greet(owner)

    def an_hour_passes(self):
        """The Web Connector of the last session has not been heard of for an hour."""
        with self.db() as db:
            open_tenant(db, self.slug)
            db.execute(text("UPDATE sync_session SET last_call = last_call - interval '1 hour'"))

    def a_day_passes(self):
        """What is held, and QuickBooks' lists, were last looked at a day ago."""
        with self.db() as db:
            open_tenant(db, self.slug)
            db.execute(text("UPDATE operation SET due = due - interval '1 day' WHERE state = 'held'"))
            db.execute(text("UPDATE connection SET imported = imported - interval '1 day'"))
            db.execute(text("UPDATE list_import SET read = read - interval '1 day'"))

    def connection(self):
        with self.db() as db:
            connection = main_connection(db, open_tenant(db, self.slug))
            db.expunge(connection)
            return connection

    def operations(self):
        """Every operation as ``(subject, state, note)``, oldest first."""
        with self.db() as db:
            open_tenant(db, self.slug)
            found = db.scalars(select(Operation).order_by(Operation.id))
            return [(one.subject.partition(":")[0], one.state.value, one.note) for one in found]

    def company(self):
        return Company(self.company_path, name=self.name)

    def sync(self, **options):
        """Run one session and check every message that went over the wire; where a plan has QuickBooks
        answer nonsense, what the hub sent alone."""
        with self.company() as company:
            outcome = self.connector(company, **options).run()
        check_messages(self.transcript, "*request*.xml" if "plan" in options else "*.xml")
        return outcome

    def read_back(self):
        """Let a session read back what changed in QuickBooks."""
        with self.db() as db:
            readback.want(db, main_connection(db, open_tenant(db, self.slug)))
        return self.sync()

    def messages(self):
        """Every qbXML request that went over the wire, oldest first."""
        return [path.read_text() for path in sorted(self.transcript.glob("*request*"))]

    def balances(self):
        """The company file's trial balance: accounts that are not at zero, debit positive."""
        with self.company() as company:
            return {row.account: row.balance for row in books.trial_balance(company) if row.balance}

    def counts(self):
        with self.company() as company:
            return books.counts(company)

    # the hub

    def db(self):
        return self.world.db()

    def proof(self):
        with self.world.db() as db:
            return proof_for(db, open_tenant(db, self.slug))

    def billed(self):
        """What the ledger says should stand on each account."""
        return {row.account: row.billed for row in self.proof().rows if row.billed}


def check_messages(folder, pattern="*.xml"):
    """Hold every message in ``folder`` against the external qbXML checker, once."""
    for path in sorted(folder.glob(pattern)):
        if CHECKS and path.name not in _checked.setdefault(folder, set()):
            text = path.read_text("utf-8")
            # A greeting and an answer say no version; the checker wants to be told.
            if "<?qbxml" not in text:
                text = re.sub(r"(<\?xml[^>]*\?>)", r'\1<?qbxml version="13.0"?>', text, count=1)
            assert_valid(text)
            _checked[folder].add(path.name)


_checked = {}
