"""Answers of the API held against its OpenAPI file: every one a test gets has to fit it."""

import re
from functools import cache

import jsonschema_rs

from hub.ledger.contract import specification

ROOT = "/api/v1"


class Platform:
    """A billing platform: calls the API with a tenant's token and trusts no answer unread."""

    def __init__(self, testapp, token=None):
        self._testapp = testapp
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method, address, body=b"", status=None, headers=None, **environ):
        """Send raw bytes to ``address`` and return the answer, whatever its status unless one is given."""
        path = address if address.startswith("/api") else f"{ROOT}/{address}"
        response = self._testapp.request(
            path,
            method=method,
            body=body,
            headers=self.headers | (headers or {}),
            environ=environ,
            expect_errors=True,
        )
        assert response.status_int < 500, response.text
        if status is not None:
            assert response.status_int == status, response.text
        assert_fits(method, path.partition("?")[0], response)
        return response


def assert_fits(method, path, response):
    """See that ``response`` is one that the contract lists, with the body it promises."""
    promised = _promised(method, path)
    if promised is None:
        promised = {str(response.status_int): {"$ref": "#/components/responses/Problem"}}
        assert response.status_int in (401, 404)
    answer = promised.get(str(response.status_int))
    assert answer is not None, f"{method} {path}: {response.status_int} is not in the contract"
    if "$ref" in answer:
        answer = specification()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    assert response.content_type in answer["content"]
    if method != "HEAD":
        schema = answer["content"][response.content_type]["schema"]
        errors = [error.message for error in _validator(repr(schema)).iter_errors(response.json)]
        assert not errors, (errors, response.json)


def _promised(method, path):
    """Return the answers the contract lists for a call; None where it has no such call."""
    method = "GET" if method == "HEAD" else method
    # An address that is written out goes before one with parameters.
    for pattern, operations in sorted(specification()["paths"].items(), key=lambda item: "{" in item[0]):
        expression = re.sub(r"\{\w+\}", "[^/]+", f"{ROOT}{pattern}")
        if re.fullmatch(expression, path) and method.lower() in operations:
            return operations[method.lower()]["responses"]
    return None


@cache
def _validator(written):
    schema = _schemas()[written]
    document = {**schema, "components": specification()["components"]}
    return jsonschema_rs.validator_for(document, validate_formats=True)


@cache
def _schemas():
    """All schemas of answers, by how they are written, so that each is compiled once."""
    found = list(specification()["components"]["responses"].values())
    for operations in specification()["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                found.extend(answer for answer in operation["responses"].values() if "content" in answer)
    contents = [content for answer in found for content in answer["content"].values()]
    return {repr(content["schema"]): content["schema"] for content in contents}
