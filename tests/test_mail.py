import email
import email.policy
import socket
import threading
from contextlib import suppress

import pytest

from hub.embedded import free_port
from hub.errors import HubError, Refused
from hub.mail import Attachment, address, compose, deliver


class MailServer:
    """A mail server that takes one connection, and answers each verb as it was told."""

    def __init__(self, answers):
        self.said = []
        self.data = b""
        self._answers = {
            "EHLO": "250 hi",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "DATA": "354 go",
            **answers,
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(5)
        self._listener.close()

    def _serve(self):
        line, _ = self._listener.accept()
        with suppress(ConnectionError), line, line.makefile("rb") as asked:
            line.sendall(b"220 test\r\n")
            for text in asked:
                self.said.append(text.decode(errors="replace").strip())
                verb = (self.said[-1].split() or [""])[0].upper()
                line.sendall(self._answers.get(verb, "250 ok").encode() + b"\r\n")
                if verb == "DATA" and self._answers["DATA"].startswith("354"):
                    while (text := asked.readline()) != b".\r\n":
                        self.data += text
                    line.sendall(b"250 queued\r\n")
                if verb == "QUIT":  # answered 250, which is a wrong goodbye
                    return


@pytest.fixture
def settings(tmp_path):
    return {
        "hub.development": True,
        "hub.name": "Billing Hüb",
        "hub.var": str(tmp_path),
        "mail.host": None,
        "mail.sender": "hub@example.com",
        "mail.tls": "none",
    }


@pytest.fixture
def send(settings):
    """Send a message to a mail server that gives ``answers``, and return that server."""

    def send(answers=(), **more):
        with MailServer(dict(answers)) as server:
            there = {"mail.host": "127.0.0.1", "mail.port": server.port}
            deliver({**settings, **there, **more}, compose("anna@example.org", "Hello", "Text"))
        return server

    return send


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def test_development_writes_a_file_that_a_mail_program_opens(settings, tmp_path):
    qwc = Attachment("hub.qwc", b"<?xml version='1.0'?>\n<QBWCXML/>\n")
    deliver(settings, compose("anna@example.org", "Grüße", "Zeile eins\nZeile zwei\n", [qwc]))

    (written,) = (tmp_path / "mail").iterdir()
    assert written.name.endswith("Z-anna@example.org.eml")
    message = parsed(written.read_bytes())
    assert message["To"] == "anna@example.org"
    assert message["From"] == "Billing Hüb <hub@example.com>"
    assert message["Subject"] == "Grüße"
    assert message["Date"].datetime
    assert message.get_body().get_content() == "Zeile eins\nZeile zwei\n"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "hub.qwc"
    assert attached.get_content() == qwc.content


def test_files_sort_by_the_time_of_sending(settings, tmp_path):
    for subject in "abc":
        deliver(settings, compose("anna@example.org", subject, ""))
    written = sorted((tmp_path / "mail").iterdir())
    assert [parsed(path.read_bytes())["Subject"] for path in written] == ["a", "b", "c"]


def test_no_name_leaves_the_directory(settings, tmp_path):
    deliver(settings, compose("a/b/c@example.org", "x", ""))
    assert len(list((tmp_path / "mail").iterdir())) == 1


def test_a_mail_server_gets_the_message(send):
    server = send()
    assert "mail from:<hub@example.com>" in " ".join(server.said).lower()
    assert "rcpt to:<anna@example.org>" in " ".join(server.said).lower()
    assert parsed(server.data).get_body().get_content().strip() == "Text"


def test_the_mail_server_is_told_who_we_are(send):
    server = send(
        {"EHLO": "250-hi\r\n250 AUTH PLAIN", "AUTH": "235 ok"},
        **{"mail.username": "u", "mail.password": "p"},
    )
    assert "AUTH PLAIN AHUAcA==" in server.said


@pytest.mark.parametrize(
    "answers, said",
    [
        ({"RCPT": "550 nobody here"}, "refused the recipient: 550 nobody here"),
        ({"MAIL": "553 not you"}, "refused the message: 553 not you"),
        ({"DATA": "452 disk full"}, "refused the message: 452 disk full"),
    ],
)
def test_a_refusal_is_one_sentence(send, answers, said):
    with pytest.raises(HubError, match=said):
        send(answers)


def test_a_wrong_password_is_not_repeated(send):
    answers = {"EHLO": "250-hi\r\n250 AUTH PLAIN", "AUTH": "535 bad hunter2"}
    with pytest.raises(HubError, match="did not accept MAIL_USERNAME and MAIL_PASSWORD") as raised:
        send(answers, **{"mail.username": "u", "mail.password": "hunter2"})
    assert "hunter2" not in str(raised.value)


def test_a_server_without_starttls_gets_nothing(send):
    with pytest.raises(HubError, match="STARTTLS"):
        send(**{"mail.tls": "starttls"})


def test_a_server_that_does_not_speak_tls_is_no_bug(send):
    with pytest.raises(HubError, match=r"The mail server 127\.0\.0\.1"):
        send(**{"mail.tls": "implicit"})


def test_no_password_goes_over_an_open_line(settings, monkeypatch):
    there = {"mail.host": "mail.example.com", "mail.port": 25, "mail.username": "u"}
    monkeypatch.setattr("smtplib.SMTP.connect", lambda *_: (220, b"test"))
    with pytest.raises(HubError, match="MAIL_TLS is none"):
        deliver({**settings, **there}, compose("anna@example.org", "x", ""))


def test_a_mail_server_that_is_away_is_one_sentence(settings):
    port = free_port()
    there = {"mail.host": "127.0.0.1", "mail.port": port}
    with pytest.raises(HubError, match=f"does not answer on port {port}: Connection refused"):
        deliver({**settings, **there}, compose("anna@example.org", "x", ""))


def test_production_without_a_mail_server_says_so(settings):
    with pytest.raises(HubError, match="set MAIL_HOST"):
        deliver({**settings, "hub.development": False}, compose("anna@example.org", "x", ""))


@pytest.mark.parametrize("text", ["a@example.com", " o'neil+x@sub.example.com ", "a@localhost"])
def test_an_address_is_taken(text):
    assert address(text) == text.strip()


def test_a_domain_in_any_script_is_written_for_the_wire():
    assert address("anna@müller.example") == "anna@xn--mller-kva.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna@example..com",
        "anna@-example.com",
        "a b@example.com",
        "anna@example.com, eve@example.com",
        "Anna <anna@example.com>",
        "anna@example.com\nBcc: eve@example.com",
        "anna\r\nBcc: eve@example.com",
        "a" * 65 + "@example.com",
        "a@" + "a" * 64 + ".com",
        "a@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Refused, match="is not an email address"):
        address(text)


@pytest.mark.parametrize("text", ["a\nBcc: eve@example.com", "a\r\n\r\nbody", "a\0", "a\u2028b"])
def test_no_header_can_be_smuggled_in(text):
    with pytest.raises(Refused, match="The subject must be one line"):
        compose("anna@example.com", text, "")
    with pytest.raises(Refused, match="The name of an attachment"):
        compose("anna@example.com", "x", "", [Attachment(text, b"")])
