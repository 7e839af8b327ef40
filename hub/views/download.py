"""The QWC file: made with its login, downloaded, and emailed."""

from __future__ import annotations

import hmac
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.qbwc import courier, qwc
from hub.security import Permission, new_password, password_matches
from hub.views.page import Page, refusal


@view_defaults(route_name="qwc", renderer="hub:templates/qwc.jinja2", permission=Permission.QWC)
class DownloadPage(Page):
    """Username and password for the Web Connector, the file, and the six Windows steps."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._shown({"username": f"{self.tenant.slug}-qb", "proposal": new_password()})

    def _shown(self, typed: dict[str, str], password: str = "") -> dict[str, Any]:
        return {
            "typed": typed,
            "password": password,
            "login": self.integration.login(),
            "connection": self.connection,
            "filename": qwc.filename(self.tenant),
        }

    @view_config(request_method="POST")
    def make(self) -> Any:
        try:
            username = self.form["username"]
            password = self._password()
            login = self.integration.login()
            if login is not None and not self._is_second_click(username, password):
                raise refusal(
                    "username",
                    f"The login “{login.login}” has been made already. Download the same file below; "
                    "a new password is made on the Staff page.",
                )
            if login is None:
                login = self.integration.set_up(username, password)
                self.integration.note("QWC file made", username=login.login)
        except Refused as error:
            typed = self.form.typed("username", "proposal")
            typed["proposal"] = typed["proposal"] or new_password()
            return self.again(self._shown(typed), error)
        return self._shown({"username": login.login, "proposal": ""}, password)

    def _password(self) -> str:
        """Return the password of the person's own choice, else the proposed one."""
        own, repeated = self.form.secret("own"), self.form.secret("repeated")
        if not own and not repeated:
            return self.form.secret("proposal")
        if not hmac.compare_digest(own.encode(), repeated.encode()):
            raise refusal("repeated", "The two passwords differ. Type the same one twice.")
        return own

    def _is_second_click(self, username: str, password: str) -> bool:
        login = self.integration.login()
        if login is None or login.login.lower() != username.lower():
            return False
        return password_matches(password, login.password_hash)


@view_config(route_name="qwc_file", request_method="GET", permission=Permission.QWC)
class FileDownload(Page):
    """The file itself: the same on every download."""

    def __call__(self) -> Any:
        login = self.integration.login()
        if login is None:
            return self.done("Choose a username and password first; then the file is here.", "qwc")
        text = qwc.document(self.request.registry.settings, self.tenant, self.connection, login)
        if self.request.method == "GET":
            self.integration.note("QWC file downloaded", username=login.login)
        response = Response(text.encode("ascii"), content_type="application/x-qwc", charset=None)
        response.content_disposition = f'attachment; filename="{qwc.filename(self.tenant)}"'
        return response


@view_defaults(
    route_name="qwc_email", renderer="hub:templates/qwc_email.jinja2", permission=Permission.QWC
)
class EmailPage(Page):
    """Send the file to whoever sits at the computer with QuickBooks."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        if self.integration.login() is None:
            return self._first()
        return self._shown({"address": "", "note": ""})

    def _first(self) -> HTTPSeeOther:
        return self.done("Choose a username and password first; then the file can be emailed.", "qwc")

    def _shown(self, typed: dict[str, str]) -> dict[str, Any]:
        return {
            "typed": typed,
            "login": self.integration.login(),
            "filename": qwc.filename(self.tenant),
            "history": courier.Courier(self.db, self.tenant, self.actor).history(),
            "courier": courier,
        }

    @view_config(request_method="POST")
    def send(self) -> Any:
        if self.integration.login() is None:
            return self._first()
        try:
            address, note = self.form["address"], self.form.text("note", 2000, lines=True)
            entry_id = courier.Courier(self.db, self.tenant, self.actor).ask(address, note)
        except Refused as error:
            return self.again(self._shown(self.form.typed("address", "note")), error)
        self.request.enqueue(courier.email_qwc, self.tenant.id, entry_id)
        return self.done(
            f"The file is on its way to {address}. The password is not in the email.", "qwc_email"
        )
