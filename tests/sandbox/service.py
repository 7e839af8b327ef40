"""The smallest SOAP service a Web Connector can talk to; what it answers is a script."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "http://developer.intuit.com/"
DONE = {
    "serverVersion": lambda call: "Stub 1.0",
    "clientVersion": lambda call: "",
    "authenticate": lambda call: ["ticket-1", ""],
    "sendRequestXML": lambda call: "",
    "receiveResponseXML": lambda call: 100,
    "getLastError": lambda call: "Nothing was said.",
    "connectionError": lambda call: "done",
    "closeConnection": lambda call: "Bye.",
}


class Raw(Exception):
    """An answer that is not an envelope: status, content type, body, further headers."""

    def __init__(self, status: int, kind: str, body: bytes = b"", **headers: str):
        super().__init__(status)
        self.status, self.kind, self.body, self.headers = status, kind, body, headers


class StubService:
    """Runs on a port of its own until closed, and remembers all calls."""

    def __init__(self, **answers: Callable):
        self.answers = DONE | answers
        self.calls: list[tuple[str, dict[str, str | None]]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.support = 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,)).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: bytes) -> bytes:
        call = ElementTree.fromstring(body)[0][0]
        method = call.tag.removeprefix(f"{{{NAMESPACE}}}")
        values = {one.tag.removeprefix(f"{{{NAMESPACE}}}"): one.text or "" for one in call}
        self.calls.append((method, values))
        self.bodies.append(body)
        result = self.answers[method](values)
        if isinstance(result, list):
            inner = "".join(f"<string>{escape(text)}</string>" for text in result)
        else:
            inner = escape(str(result))
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<{method}Response xmlns="{NAMESPACE}"><{method}Result>{inner}</{method}Result>'
            f"</{method}Response></s:Body></s:Envelope>"
        ).encode()

    def _handler(stub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(stub.support, "text/plain", b"support")

            def do_POST(self):
                stub.headers.append(dict(self.headers))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    self.reply(200, "text/xml; charset=utf-8", stub.answer(body))
                except Raw as raw:
                    self.reply(raw.status, raw.kind, raw.body, raw.headers)

            def reply(self, status, kind, body, headers=()):
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                return None

        return Handler
