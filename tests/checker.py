"""The external qbXML checker, where QBXML_CHECK names one; without it messages go unchecked."""

import importlib.util
import os
import warnings


def _checks():
    path = os.environ.get("QBXML_CHECK")
    if not path:
        return []
    spec = importlib.util.spec_from_file_location("check_qbxml", path)
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        # The checker leaves closing its data file to the interpreter.
        warnings.simplefilter("ignore", ResourceWarning)
        spec.loader.exec_module(module)
        return [module.SpecValidator(), module.XsdValidator()]


CHECKS = _checks()
UNLISTED = ": not in this spec"
"""Checks are on the published schema, and not on the list that the first way of checking reads."""


def assert_valid(text):
    """See that a message fits the schema, both ways of checking."""
    for check in CHECKS:
        assert [fault for fault in check.validate(text) if not fault.endswith(UNLISTED)] == []
