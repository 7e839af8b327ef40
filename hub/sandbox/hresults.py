"""The COM errors with which QuickBooks refuses a session or a whole message (protocol.md A.5)."""

from __future__ import annotations

SENTENCES = {
    "0x80040400": "QuickBooks found an error when parsing the provided XML text stream.",
    "0x80040401": "Could not access QuickBooks.",
    "0x80040402": "Unexpected error. Check the qbsdklog.txt file for more information.",
    "0x80040403": "Could not open the specified QuickBooks company data file.",
    "0x80040404": "The version of QuickBooks currently running does not support qbXML.",
    "0x80040408": "Could not start QuickBooks.",
    "0x80040409": "The current version of QuickBooks differs from the one requested.",
    "0x8004040A": "A QuickBooks company data file is already open and it is not the one requested.",
    "0x8004040D": "The session ticket is invalid.",
    "0x80040410": "The QuickBooks company data file is currently open in a mode other than the one"
    " specified by your application.",
    "0x80040414": "A modal dialog box is showing in the QuickBooks user interface. Your application"
    " cannot access QuickBooks until the user dismisses the dialog box.",
    "0x80040416": "If QuickBooks is not running, a company file must be named.",
    "0x80040417": "No company file is open in QuickBooks, and none was named.",
    "0x80040418": "This application has not accessed this QuickBooks company data file before. Only"
    " the QuickBooks administrator can grant it permission.",
    "0x8004041A": "This application does not have permission to access this QuickBooks company data"
    " file.",
    "0x8004041B": "Unable to lock the necessary information to allow this application to access this"
    " company data file. Try again later.",
    "0x8004041C": "An internal QuickBooks error occurred while trying to access the QuickBooks"
    " company data file.",
    "0x8004041D": "This application is not allowed to log into this QuickBooks company data file"
    " automatically.",
    "0x8004041E": "This application's certificate is expired.",
    "0x8004041F": "QuickBooks Basic cannot accept XML requests.",
    "0x80040420": "The QuickBooks user has denied access.",
    "0x80040421": "This application may not access personal data.",
    "0x80040422": "This application requires Single User file access mode but there is already"
    " another application sharing data with this QuickBooks company data file.",
    "0x80040423": "The version of qbXML that was requested is not supported or is unknown.",
    "0x80040424": "QuickBooks did not finish its initialization. Please try again later.",
    "0x80040427": "Unable to access QuickBooks because it is unregistered.",
    "0x8004042A": "Remote access is not allowed.",
    "0x8004042C": "The certificate of this application was revoked.",
    "0x80040438": "Two copies of QuickBooks are running.",
    "0x80010105": "The server threw an exception.",
    "0x800706BA": "The RPC server is unavailable.",
    "0x800706BE": "The remote procedure call failed.",
}
"""What QuickBooks says with each; the sentences of those known from logs are near to its own."""
