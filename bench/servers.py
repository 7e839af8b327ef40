"""The choice of the web server: granian against gunicorn (threads) and waitress, two processes each.

Not part of ``make bench``. ``python -m bench.servers`` installs the two others beside the bench and
measures bare Spyne on each: what a server costs shows best where the application costs least.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from contextlib import ExitStack
from statistics import median

from bench import machine, peers
from bench.client import lines, rate
from bench.figures import Figure, main
from bench.machine import Connector
from bench.poll import polls
from hub.embedded import free_port

PROCESSES = 2
THREADS = 8
OTHERS = {
    "gunicorn": """
import sys
from gunicorn.app.base import BaseApplication

class Application(BaseApplication):
    def load_config(self):
        given = {"bind": "127.0.0.1:" + sys.argv[1], "workers": PROCESSES, "worker_class": "gthread",
                 "threads": THREADS, "keepalive": 60, "loglevel": "error", "control_socket_disable": True}
        for name, value in given.items():
            self.cfg.set(name, value)

    def load(self):
        from bench.echo import application
        return application()

Application().run()
""",
    "waitress": """
import os, socket, sys
from waitress import serve
from bench.echo import application

listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(1024)
for _ in range(PROCESSES - 1):
    if not os.fork():
        break
serve(application(), sockets=[listener], threads=THREADS, connection_limit=1000, max_request_body_size=75497472)
""",
}


def subject(quick: bool) -> list[Figure]:
    """Measure bare Spyne on the three servers by turns."""
    seconds, turns = (1.0, 3) if quick else (2.0, 7)
    work = polls([Connector("", "x", "", "")])
    with ExitStack() as stack:
        servers = [stack.enter_context(machine.echo(PROCESSES)), *map(stack.enter_context, _others())]
        found: dict[tuple[str, int], list[float]] = {}
        cpu: dict[str, list[float]] = {}
        for count in (1, 8, 200):
            for _ in range(turns):
                for number, server in enumerate(servers):
                    with lines(server.port, count) as opened:
                        for line in opened:
                            work(line, 0)
                        before = server.cpu()
                        # Of two hundred connections eight are busy, as with Web Connectors.
                        result = 4 * rate(opened[:8], seconds, work)
                        used = 1000 * (server.cpu() - before) / result / seconds
                    name = "granian" if not number else server.name
                    found.setdefault((name, count), []).append(result)
                    cpu.setdefault(name, []).append(used)
    return [
        Figure(
            name,
            f"{median(found[name, 1]):.0f} / {median(found[name, 8]):.0f} / {median(found[name, 200]):.0f} "
            f"calls a second with 1 / 8 / 200 connections, {median(cpu[name]):.2f} ms of processor time a call",
        )
        for name in cpu
    ]


def _others() -> list[object]:
    python = peers.venv("gunicorn", "waitress")
    found = []
    for name, text in OTHERS.items():
        script = peers.PLACE / f"serve_{name}.py"
        script.write_text(f"PROCESSES, THREADS = {PROCESSES}, {THREADS}\n{text}")
        port = free_port()
        places = os.pathsep.join([*filter(None, sys.path), os.getcwd(), sysconfig.get_path("purelib")])
        environ = {**os.environ, "PYTHONPATH": places}
        found.append(machine.running(name, [str(python), str(script), str(port)], port, environ))
    return found


if __name__ == "__main__":
    main(subject)
