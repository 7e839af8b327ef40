"""Real servers, started, shared, killed and found again; and ``hub up``, which stands on them."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from hub import embedded, settings
from hub.errors import HubError
from hub.supervisor import check_port

HOLD = """
import json, sys
from hub import embedded
with embedded.lent({"hub.var": sys.argv[1]}) as lent:
    print(json.dumps(lent), flush=True)
    sys.stdin.read()
"""
WEB = """
import http.server, os, sys
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/die":
            print("the last words", flush=True)
            os._exit(3)
http.server.HTTPServer(("localhost", int(os.environ["HUB_PORT"])), Healthy).serve_forever()
"""
WORKER = """
import signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # as beat is
time.sleep(600)
"""
UP = f"""
import sys
from hub import settings, supervisor
from hub.errors import HubError
children = {{
    "web": (sys.executable, "-c", {WEB!r}),
    "worker": (sys.executable, "-c", {WORKER!r}),
}}
given = {{"hub.development": "true", "hub.var": sys.argv[1]}}
try:
    supervisor.up(settings.load(given), int(sys.argv[2]), lambda url: print(url, flush=True), children)
except HubError as error:
    sys.exit(str(error))
"""


class Started:
    """Processes that run for a test and do not outlive it."""

    def __init__(self, var):
        self._var = str(var)
        self._all = []

    def __call__(self, script, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", script, self._var, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._all.append(process)
        return process

    def holder(self):
        """Start one that holds a lease, and return it with what it was lent."""
        process = self(HOLD)
        return process, json.loads(process.stdout.readline())

    def end(self):
        for process in self._all:
            process.kill()
            process.communicate()
        for process in servers(self._var):
            kill(process)


def servers(var):
    """Return the server processes that run on files under ``var``."""
    found = []
    for process in psutil.process_iter(["name", "cmdline", "status"]):
        if process.info["name"] in ("postgres", "valkey-server") and process.info["status"] != "zombie":
            try:
                line = " ".join(process.info["cmdline"] or [])
                if str(var) in line or process.cwd().startswith(str(var)):
                    found.append(process)
            except psutil.NoSuchProcess:
                pass
    return found


def kill(process):
    with suppress(psutil.NoSuchProcess):  # PostgreSQL's processes end with the first of them
        process.kill()
        process.wait()


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connected(lent):
    return psycopg.connect(lent["sqlalchemy.url"].replace("+psycopg", ""))


def finish(process):
    """Let a holder give its lease back, and wait for it."""
    process.communicate()
    assert process.returncode == 0


ENSURE = """
import sys, time
from hub import embedded
embedded.ensure({"hub.var": sys.argv[1]})
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def var():
    # Not pytest's tmp_path: as root, PostgreSQL runs as another user, who is locked out of
    # that when a second pytest starts and sets the rights of the directory above it.
    with tempfile.TemporaryDirectory(prefix="hub-tests-", ignore_cleanup_errors=True) as directory:
        yield Path(directory, "var")


@pytest.fixture
def started(var):
    started = Started(var)
    yield started
    started.end()


def test_named_servers_are_left_alone(var):
    named = {"hub.var": str(var), "sqlalchemy.url": "postgresql+psycopg://db/hub"}
    named["celery.broker_url"] = "redis://broker"
    with embedded.lent(named) as lent:
        assert lent == named
    assert not var.exists()


def test_data_outlive_the_servers(var):
    with embedded.lent({"hub.var": str(var)}) as lent, connected(lent) as connection:
        connection.execute("CREATE TABLE kept (name text)")
        connection.execute("INSERT INTO kept VALUES ('É')")
    assert not servers(var)
    with embedded.lent({"hub.var": str(var)}) as lent, connected(lent) as connection:
        assert connection.execute("SELECT lower(name) FROM kept").fetchone() == ("é",)


def test_the_broker_wants_its_password(broker):
    port = int(broker.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"PING\r\n")
        assert line.recv(64).startswith(b"-NOAUTH")


def test_two_at_once_share_one_server_and_the_last_stops_it(started, var):
    both = [started(HOLD), started(HOLD)]
    lent = [json.loads(process.stdout.readline()) for process in both]
    assert lent[0] == lent[1]

    finish(both[0])
    with connected(lent[1]):
        assert servers(var)

    finish(both[1])
    until(lambda: not servers(var))


def test_a_start_after_everything_was_killed_finds_its_data(started, var):
    process, lent = started.holder()
    with connected(lent) as connection:
        connection.execute("CREATE TABLE kept ()")
    for killed in (process, *servers(var)):
        kill(killed)
    assert (var / "postgres" / "postmaster.pid").exists()

    with embedded.lent({"hub.var": str(var)}) as lent, connected(lent) as connection:
        connection.execute("SELECT FROM kept")


def test_a_process_number_that_a_stranger_got_is_no_server(started, var):
    with embedded.lent({"hub.var": str(var)}):
        pid = var / "postgres" / "postmaster.pid"
        left = pid.read_text()
    # The file of a killed server, and its number now belongs to this test.
    pid.write_text("\n".join([str(os.getpid()), *left.splitlines()[1:]]) + "\n")
    with embedded.lent({"hub.var": str(var)}) as lent:
        connected(lent).close()


def test_servers_that_a_killed_process_left_are_taken_over_and_stopped(started, var):
    process, lent = started.holder()
    process.kill()
    process.wait()
    with embedded.lent({"hub.var": str(var)}) as taken:
        assert taken == lent
    until(lambda: not servers(var))


def test_a_terminated_process_gives_its_lease_back(started, var):
    process = started(ENSURE)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert not servers(var)


def test_a_first_start_that_was_cut_off_is_begun_again(var):
    (var / "postgres").mkdir(parents=True)
    (var / "postgres" / "PG_VERSION").write_text("18\n")
    (var / "postgres.unfinished").touch()
    with embedded.lent({"hub.var": str(var)}) as lent:
        connected(lent).close()
    assert not (var / "postgres.unfinished").exists()


def test_a_deep_directory_is_no_obstacle(var):
    deep = var / ("d" * 60) / "a b" / ("e" * 60)
    with embedded.lent({"hub.var": str(deep)}) as lent:
        connected(lent).close()


def test_the_persons_locale_and_variables_do_not_matter(started, var, monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("PGPORT", "1")
    process, lent = started.holder()
    connected(lent).close()
    finish(process)


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_file_in_the_way_is_one_sentence_and_nothing_keeps_running(var, name):
    var.mkdir()
    (var / name).touch()
    with pytest.raises(HubError, match=rf"(?s)could not be started in .*{name}"):
        embedded.Lease({"hub.var": str(var)}).take()
    assert not servers(var)


def test_a_directory_of_somebody_elses_is_kept(var):
    (var / "postgres").mkdir(parents=True)
    (var / "postgres" / "thesis.txt").touch()
    for _ in range(2):
        with pytest.raises(HubError, match="exists but is not empty"):
            embedded.Lease({"hub.var": str(var)}).take()
    assert (var / "postgres" / "thesis.txt").exists()


def test_a_full_disk_is_one_sentence(var):
    script = "import shutil; shutil.disk_usage = lambda _: type('', (), {'free': 1}); "
    script += "from hub.start_postgres import main; main()"
    var.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(var / "postgres")], capture_output=True, text=True
    )
    assert done.stderr == "the disk is full; a database needs 200 MB to begin with.\n"


def running(started, port):
    process = started(UP, port)
    url = process.stdout.readline().strip()
    assert url == f"http://localhost:{port}", process.stderr.read()
    return process


def children(process):
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes):
    return all(not one.is_running() or one.status() == "zombie" for one in processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_until_it_is_asked_to_stop(started, var, number):
    port = embedded.free_port()
    process = running(started, port)
    mine = children(process)
    assert len(mine) == 3
    given = {"hub.development": "true", "hub.var": str(var)}
    assert settings.load(given, {})["hub.url"] == f"http://localhost:{port}"

    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert gone(mine)
    assert not servers(var)
    assert settings.load(given, {})["hub.url"] == "http://localhost:6543"


def test_a_start_that_is_interrupted_leaves_no_broker_behind(started, var):
    process = started(
        """
import subprocess, sys
from hub import embedded
run = subprocess.run
def interrupted(arguments, **options):
    done = run(arguments, **options)
    if "valkey" in arguments[0]:
        raise KeyboardInterrupt
    return done
subprocess.run = interrupted
embedded.Lease({"hub.var": sys.argv[1]}).take()
"""
    )
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert not servers(var)


def test_up_stops_also_where_the_signal_came_in_a_call_that_drops_exceptions(started, var):
    deaf = """
import os, signal, time
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
"""
    process = started(
        deaf + UP.replace("print(url, flush=True)", "Deaf() and None"), embedded.free_port()
    )
    _, err = process.communicate(timeout=20)
    assert "Exception ignored in" in err
    assert process.returncode == 0
    assert not servers(var)


def test_up_leaves_the_servers_to_others_who_use_them(started, var):
    holder, lent = started.holder()
    process = running(started, embedded.free_port())
    process.terminate()
    process.communicate(timeout=20)
    connected(lent).close()
    finish(holder)
    assert not servers(var)


def test_up_says_which_child_died_and_what_it_wrote(started, var):
    port = embedded.free_port()
    process = running(started, port)
    mine = children(process)
    with socket.create_connection(("localhost", port)) as line:
        line.sendall(b"GET /die HTTP/1.0\r\n\r\n")
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "The web process ended (exit status 3), so the hub was stopped. It wrote:" in err
    assert err.endswith("the last words\n")
    assert gone(mine)
    assert not servers(var)


def test_a_second_up_is_told_where_the_first_is(started):
    port = embedded.free_port()
    running(started, port)
    second = started(UP, embedded.free_port())
    _, err = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"The hub already runs in {second.args[3]}, at http://localhost:{port}." in err


def test_a_port_in_use_is_said_before_anything_starts(started, var):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(UP, port)
        _, err = process.communicate(timeout=20)
    assert err == f"Port {port} is in use; choose another with --port.\n"
    assert not (var / "postgres").exists()


def test_a_name_of_nowhere_is_no_address():
    with pytest.raises(HubError, match="HUB_HOST"):
        check_port("no.such.host.invalid", 6543)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_do_not_outlive_a_killed_up(started, var):
    process = running(started, embedded.free_port())
    direct = psutil.Process(process.pid).children()
    process.kill()
    until(lambda: gone(direct))
    with embedded.lent({"hub.var": str(var)}):
        assert servers(var)
    until(lambda: not servers(var))
