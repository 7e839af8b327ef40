"""The web server as ``hub web`` and pserve run it: real processes, bytes as clients send them."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from pyramid.request import Request
from webtest import TestApp

from hub.embedded import free_port
from hub.sandbox import envelope
from hub.serve import Door

ROOT = Path(__file__).parent.parent
CALL = envelope.write("serverVersion", {})
HEAD = b"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml; charset=utf-8\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(CALL)
PRODUCTION = {
    "HUB_DEVELOPMENT": "false",
    "HUB_URL": "https://hub.example.com",
    "HUB_SECRET": "0123456789abcdef0123456789abcdef",
}


class Served:
    """A web server in a process of its own, with all its children."""

    def __init__(self, command, environ, log):
        self.port = int(environ["HUB_PORT"])
        self._log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, env=environ, stdout=output, stderr=output
            )

    def workers(self):
        return psutil.Process(self.process.pid).children()

    def wait(self):
        """Wait until it answers."""
        until(lambda: self.process.poll() is not None or self._answers())
        assert self.process.poll() is None, self._log.read_text()

    def _answers(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def get(self, path):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request("GET", path)
        answer = line.getresponse()
        answer.read()
        line.close()
        return answer

    def line(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, *parts):
        """Send bytes on a connection of their own; return all that comes until it is closed."""
        with self.line() as line:
            line.sendall(b"".join(parts))
            return everything(line)


def everything(line):
    return b"".join(iter(lambda: line.recv(65536), b""))


def until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


WEB = ("hub.cli", "web")
PSERVE = ("pyramid.scripts.pserve", "development.ini")


@pytest.fixture
def environ(database_url, tmp_path):
    """The environment of a web server on a free port."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "BROKER_URL": "memory://",
        "HUB_DEVELOPMENT": "true",
        "HUB_VAR": str(tmp_path),
        "HUB_HOST": "127.0.0.1",
        "HUB_PORT": str(free_port()),
    }


@pytest.fixture
def start(environ, tmp_path):
    """Start a web server with settings from the environment; nothing is left of it afterwards."""

    @contextmanager
    def start(*command, **variables):
        served = Served(command or WEB, environ | variables, tmp_path / "web.log")
        workers = []
        try:
            served.wait()
            workers = served.workers()
            yield served
            workers += served.workers() if served.process.poll() is None else []
        finally:
            served.process.terminate()
            served.process.wait(20)
        assert not psutil.wait_procs(workers, timeout=10)[1]

    return start


@pytest.fixture
def served(start):
    with start(WEB_PROCESSES="2") as served:
        yield served


def test_a_message_in_chunks_is_answered(served):
    half = len(CALL) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in (CALL[:half], CALL[half:], b""))
    answer = served.ask(HEAD, b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", chunks)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"serverVersionResult" in answer


def test_who_asks_before_sending_the_message_is_told_to_go_on(served):
    with served.line() as line:
        line.sendall(HEAD + LENGTH + b"Connection: close\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(CALL)
        assert everything(line).startswith(b"HTTP/1.1 200 ")


def test_a_connection_is_kept_for_the_next_call(served):
    with served.line() as line:
        for _ in range(3):
            line.sendall(HEAD + LENGTH + b"\r\n" + CALL)
            answer = line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"close" not in answer.partition(b"\r\n\r\n")[0].lower()


def test_the_oldest_clients_are_answered_and_the_connection_closed(served):
    assert b" 200 " in served.ask(b"GET /healthz HTTP/1.0\r\n\r\n")
    old = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert b"serverVersionResult" in served.ask(old, LENGTH, b"\r\n", CALL)


def test_no_answer_names_the_server(served):
    assert not served.get("/healthz").headers["Server"]
    assert b"granian" not in served.ask(b"nonsense\r\n\r\n").lower()


def test_a_message_that_is_too_large_is_refused_in_words_the_web_connector_shows(start):
    with start(WEB_LARGEST_BODY="2000000") as served:
        large = b"x" * 2_100_000
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
        close = b"Connection: close\r\n"
        asked = served.ask(HEAD, close, b"Expect: 100-continue\r\nContent-Length: 2100000\r\n\r\n")
        in_chunks = served.ask(HEAD, close, b"Transfer-Encoding: chunked\r\n\r\n", chunk)

        for answer in (asked, in_chunks):
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"<faultstring>The message is larger than 1 MB.</faultstring>" in answer
        assert served.ask(HEAD, close, LENGTH, b"\r\n", CALL).startswith(b"HTTP/1.1 200 ")


def test_a_killed_worker_is_replaced(served):
    victim, other = served.workers()
    victim.kill()

    until(lambda: len(served.workers()) == 2 and victim not in served.workers())

    assert other in served.workers()
    assert {served.get("/healthz").status for _ in range(10)} == {200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_under_way_is_answered_before_the_end(served, number):
    with served.line() as line:
        line.sendall(HEAD + LENGTH + b"\r\n" + CALL[:100])
        served.get("/healthz")
        served.process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            served.process.wait(1)
        line.sendall(CALL[100:])
        assert everything(line).startswith(b"HTTP/1.1 200 ")

    assert served.process.wait(20) == 0


def test_nothing_stays_when_the_first_process_is_killed(served):
    workers = served.workers()
    served.process.kill()

    assert not psutil.wait_procs(workers, timeout=10)[1]


@pytest.mark.parametrize("command", [WEB, PSERVE])
def test_a_taken_port_is_refused_in_a_sentence(served, environ, command):
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environ, capture_output=True, text=True
    )

    assert run.returncode == 1
    assert f"Port {served.port} is in use" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("name, variables", [("development.ini", {}), ("production.ini", PRODUCTION)])
def test_pserve_serves(start, name, variables):
    with start(PSERVE[0], name, WEB_PROCESSES="2", **variables) as served:
        assert len(served.workers()) == 2
        assert served.get("/qbwc").status == 200


# What is believed of a request


@pytest.fixture
def seen():
    """Return address, scheme and host as the application sees them."""

    def application(environ, start_response):
        request = Request(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{request.client_addr} {request.remote_addr} {request.scheme} {request.host}".encode()]

    door = TestApp(Door(application, "127.0.0.1 10.0.0.0/8", 1000))

    def seen(address, **headers):
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        return door.get("/", headers=headers, extra_environ={"REMOTE_ADDR": address}).text.split()

    return seen


FORWARDED = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "hub.example.com"}


@pytest.mark.parametrize(
    "address, forwarded, client",
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.1.2.3", "2001:db8::1", "2001:db8::1"),
        # What the client made up stands left of what the proxy added.
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed(seen, address, forwarded, client):
    shown = seen(address, X_Forwarded_For=forwarded, **FORWARDED)

    assert shown == [client, client, "https", "hub.example.com"]


def test_nobody_else_is(seen):
    shown = seen("203.0.113.7", X_Forwarded_For="127.0.0.1", **FORWARDED)

    assert shown == ["203.0.113.7", "203.0.113.7", "http", "localhost:80"]


def test_the_application_sees_nothing_of_the_process_environment():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [" ".join(environ).encode()]

    environ = {"HUB_SECRET": "secret", "REMOTE_ADDR": "127.0.0.1"}
    shown = TestApp(Door(application, "", 1000)).get("/", extra_environ=environ).text.split()

    assert "HUB_SECRET" not in shown
    assert "PATH_INFO" in shown
