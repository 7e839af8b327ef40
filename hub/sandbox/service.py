"""The hub's SOAP service as the Web Connector calls it: one POST a call, nothing forgiven.

Redirects are not followed, compressed answers cannot be read, and what is not
``text/xml`` is an error even under status 200, as in .NET's client.
"""

from __future__ import annotations

import httpx

from hub.sandbox import envelope
from hub.sandbox.envelope import EnvelopeError
from hub.sandbox.qwc import QBWCError

USER_AGENT = "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)"
TIMEOUT = 100.0
"""Seconds .NET's client waits for an answer."""

CODES = {
    "serverVersion": 1012,
    "clientVersion": 1036,
    "authenticate": 1012,
    "sendRequestXML": 1041,
    "receiveResponseXML": 1042,
    "getLastError": 1043,
    "closeConnection": 1044,
    "connectionError": 1045,
}
"""What the Web Connector reports when a call fails (protocol.md A.8)."""


class Service:
    """One SOAP service. ``transport`` and ``verify`` are httpx's, for tests and own certificates."""

    def __init__(
        self,
        url: str,
        transport: httpx.BaseTransport | None = None,
        verify: bool = True,
        timeout: float = TIMEOUT,
    ):
        self._url = url
        # Reading the certificates of all authorities takes longer than a whole local session.
        verify = verify and url.startswith("https:")
        self._client = httpx.Client(transport=transport, verify=verify, timeout=timeout, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def text(self, method: str, **values: str) -> str:
        """Call ``method`` and return the text it answers; null is "".

        :raises QBWCError: when there is no such answer.
        """
        result = self._call(method, values)
        return result if isinstance(result, str) else ""

    def strings(self, method: str, **values: str) -> list[str]:
        """Call ``method`` and return the array it answers."""
        result = self._call(method, values)
        if not isinstance(result, list):
            raise QBWCError(CODES[method], "Object reference not set to an instance of an object.")
        return result

    def fetch(self, url: str) -> int:
        """Return the status of a page, as a browser without any login would see it."""
        return self._client.get(url, headers={"User-Agent": USER_AGENT}).status_code

    def _call(self, method: str, values: dict[str, str]) -> str | list[str] | None:
        try:
            response = self._client.send(self._request(method, values))
        except httpx.HTTPError as error:
            sentence = (
                f"The server at {self._url} cannot be reached: {str(error) or type(error).__name__}."
            )
            raise QBWCError(CODES[method], sentence) from None
        try:
            return envelope.read(method, self._body(response))
        except EnvelopeError as error:
            raise QBWCError(CODES[method], f"{method} failed: {error}") from None

    def _request(self, method: str, values: dict[str, str]) -> httpx.Request:
        request = self._client.build_request(
            "POST",
            self._url,
            content=envelope.write(method, values),
            headers={
                "User-Agent": USER_AGENT,
                "Content-Type": "text/xml; charset=utf-8",
                "SOAPAction": f'"{envelope.NAMESPACE}{method}"',
                "Expect": "100-continue",
            },
        )
        for name in ("Accept", "Accept-Encoding"):
            del request.headers[name]
        return request

    def _body(self, response: httpx.Response) -> bytes:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.is_redirect:
            raise EnvelopeError(
                f"The server sends elsewhere ({response.status_code}), which is not followed."
            )
        if kind != "text/xml":
            raise EnvelopeError(
                f"Client found response content type of '{kind}', but expected 'text/xml'"
                f" (status {response.status_code})."
            )
        if "Content-Encoding" in response.headers:
            raise EnvelopeError("Response is not well-formed XML: it is compressed.")
        body = response.content
        if not response.is_success:
            envelope.read("", body)  # raises the fault's own words, if it is one
            raise EnvelopeError(f"The request failed with HTTP status {response.status_code}.")
        return body
