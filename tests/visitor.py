"""Somebody at the pages."""

import itertools

from webtest import TestApp

addresses = itertools.count(1)


class Visitor(TestApp):
    """A browser of its own, at an address of its own."""

    def __init__(self, app):
        number = next(addresses)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        super().__init__(app, extra_environ={"REMOTE_ADDR": address})

    def sign_in(self, login, password, status=303, next=""):
        form = self.get(f"/sign-in?next={next}").form
        form["login"], form["password"] = login, password
        return form.submit(status=status)
