"""A stand-in for the API of a Kubernetes cluster: runs each job at once, in an empty folder."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """The server, with the jobs that were sent, and with the exit code of each by its name."""

    folder: Path
    path: str
    jobs: list[dict[str, Any]]
    ended: dict[str, int]

    def run(self, job: dict[str, Any]) -> None:
        """Run the command of a job's container."""
        folder = self.folder / f"pod-{len(self.jobs)}"
        folder.mkdir()
        self.jobs.append(job)
        [container] = job["spec"]["template"]["spec"]["containers"]
        with open(folder / "said", "w", encoding="utf-8") as said:
            self.ended[job["metadata"]["name"]] = subprocess.call(
                [*container["command"], *container["args"]],
                cwd=folder,
                env=os.environ | {"PATH": self.path},
                stdout=said,
                stderr=said,
            )


class Handler(BaseHTTPRequestHandler):
    """Answers what Snakemake's plugin asks."""

    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, content: object = None) -> None:
        """Send an object, an empty one by default."""
        text = json.dumps(content or {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        *_, job, kind = self.path.split("/")
        if kind == "status":
            code = self.server.ended[job]
            self.answer({"status": {"failed": 1} if code else {"succeeded": 1}})
        else:
            self.answer({"items": []})  # there are no pods

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/jobs"):
            self.server.run(sent)
        self.answer(sent)

    def do_DELETE(self) -> None:
        self.answer()


@contextmanager
def cluster(folder: Path, path: str) -> Iterator[list[dict[str, Any]]]:
    """Serve on this machine, write `kubeconfig` into the folder, and yield the jobs that are sent.

    `path` is the PATH in containers.
    """
    server = Server(("127.0.0.1", 0), Handler)
    server.folder, server.path, server.jobs, server.ended = folder, path, [], {}
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
    (folder / "kubeconfig").write_text(json.dumps(content))
    try:
        yield server.jobs
    finally:
        server.shutdown()
        server.server_close()
