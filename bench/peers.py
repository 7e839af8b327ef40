"""Other servers that package indexes serve, installed beside the bench and never into the hub.

Both keep everything in memory and have one process; each is served as its README says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.machine import Server, running
from hub.embedded import free_port

PLACE = Path(__file__).with_name(".peers")
KIT = """
import sys, uvicorn
from qbwc_kit.server import create_app
from qbwc_kit.service import QBWCService
from qbwc_kit.session import SimpleTask, StaticAuthenticator

class Small(SimpleTask):
    def build(self, ctx):
        return REQUEST
    def handle(self, ctx, response):
        pass

port, REQUEST = int(sys.argv[1]), sys.argv[2]
service = QBWCService(StaticAuthenticator("peer", "secret", [Small() for _ in range(50_000)]))
app = create_app(service, endpoint_url=f"http://localhost:{port}/qbwc")
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
"""
JS = """
process.env.QB_SOAP_PORT = process.argv[2];
process.env.QB_USERNAME = 'peer';
process.env.QB_PASSWORD = 'secret';
const Server = require('quickbooks-js');
const server = new Server();
const requests = Array(1000000).fill(process.argv[3]);
server.setQBXMLHandler({
  fetchRequests: (callback) => callback(null, requests),
  handleResponse: () => {},
  didReceiveError: () => {},
});
server.run();
"""
PATHS = {"qbwc-kit": "/qbwc", "quickbooks-js": "/wsdl"}


def venv(*packages: str) -> Path:
    """Return the Python of the bench's own environment, with ``packages`` in it."""
    python = PLACE / "venv" / "bin" / "python"
    done = PLACE / "venv" / ".installed"
    had = set(done.read_text().split()) if done.exists() else set()
    if not had.issuperset(packages):
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
        subprocess.run([python, "-I", "-m", "pip", "install", "-q", *packages], check=True)
        done.write_text(" ".join(had.union(packages)))
    return python


def install() -> None:
    """Install the peers where they are not yet."""
    PLACE.mkdir(exist_ok=True)
    venv("qbwc-kit", "fastapi", "uvicorn[standard]")
    if not (PLACE / "node_modules" / "quickbooks-js").exists():
        (PLACE / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--silent", "quickbooks-js"], cwd=PLACE, check=True)
    (PLACE / "kit.py").write_text(KIT)
    (PLACE / "peer.js").write_text(JS)


@contextmanager
def serving(request: str) -> Iterator[list[Server]]:
    """Lend the peers that can be installed here, each with the small ``request`` again and again."""
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The peers could not be installed, so they are left out: {error}", file=sys.stderr)
        yield []
        return
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with ExitStack() as stack:
        kit, js = free_port(), free_port()
        kit_command = [str(PLACE / "venv" / "bin" / "python"), str(PLACE / "kit.py"), str(kit), request]
        js_command = ["node", str(PLACE / "peer.js"), str(js), request]
        yield [
            stack.enter_context(running("qbwc-kit", kit_command, kit, environ)),
            stack.enter_context(running("quickbooks-js", js_command, js, environ)),
        ]
