"""A stand-in for the API of a Kubernetes cluster: keeps the jobs that are sent, and fails them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """The server, with the jobs that were sent."""

    jobs: list[dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    """Answers what Snakemake's plugin asks."""

    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, content: object = None) -> None:
        text = json.dumps(content or {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        self.answer({"items": []} if "/pods" in self.path else {"status": {"failed": 1}})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/jobs"):
            self.server.jobs.append(sent)
        self.answer(sent)

    def do_DELETE(self) -> None:
        self.answer()


@contextmanager
def cluster(configuration: Path) -> Iterator[list[dict[str, Any]]]:
    """Serve on this machine, write a kubeconfig, and yield the list of jobs that are sent."""
    server = Server(("127.0.0.1", 0), Handler)
    server.jobs = []
    Thread(target=server.serve_forever, daemon=True).start()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [
            {"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "me", "user": {}}],
    }
    configuration.write_text(json.dumps(content))
    try:
        yield server.jobs
    finally:
        server.shutdown()
        server.server_close()
