"""Only the right file gets in, from the first source that has it, and a bad source costs little.

The sources are directories, and a server on this machine that misbehaves as it is told to.
"""

import gzip
import hashlib
import logging
import runpy
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures import REPOSITORY

from fmstudy.data.download import Patience, fetch
from fmstudy.data.identity import FILES, Identity
from fmstudy.runtime import StudyError, log

SCRIPTS = REPOSITORY / "scripts"
NAME = "train-labels-idx1-ubyte"
CONTENT = bytes(range(256)) * 8
pack = partial(gzip.compress, mtime=0)
PACKED = pack(CONTENT)
WRONG = CONTENT[:-1] + b"x"
TABLE = {NAME: Identity(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())}
CALM = Patience(timeout=30, pause=0, progress_every=60)

Reply = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each path with the replies set for it, in turn, the last one for ever; else 404."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is what half of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        replies = self.server.replies.get(self.path, [status(404)])
        (replies.pop(0) if len(replies) > 1 else replies[0])(self)

    def log_message(self, *args) -> None:
        """Keep the terminal clean."""


def head(handler: BaseHTTPRequestHandler, code: int = 200, **headers: str | int) -> None:
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()


def status(code: int) -> Reply:
    return lambda handler: head(handler, code, Content_Length=0)


def body(content: bytes, announced: int | None = None) -> Reply:
    def reply(handler):
        head(handler, Content_Length=len(content) if announced is None else announced)
        handler.wfile.write(content)

    return reply


def unannounced(content: bytes) -> Reply:
    def reply(handler):
        head(handler)
        handler.wfile.write(content)

    return reply


def redirect(target: str) -> Reply:
    return lambda handler: head(handler, 302, Location=target, Content_Length=0)


def silent(handler) -> None:
    handler.server.closing.wait()


def silent_in_the_middle(handler) -> None:
    head(handler, Content_Length=len(PACKED))
    handler.wfile.write(PACKED[:20])
    handler.server.closing.wait()


def silent_at_the_end(handler) -> None:
    body(PACKED)(handler)
    handler.wfile.flush()
    handler.server.closing.wait()


def reset(handler) -> None:
    head(handler, Content_Length=len(PACKED))
    handler.wfile.write(PACKED[:20])
    linger = struct.pack("ii", 1, 0)  # close with a reset instead of an end
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    socket.socket(fileno=handler.connection.detach()).close()


def no_http(handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def dripping(handler) -> None:
    head(handler, Content_Length=len(PACKED))
    for start in range(0, len(PACKED), 100):
        handler.wfile.write(PACKED[start : start + 100])
        handler.server.closing.wait(0.005)


def trickling(handler) -> None:
    head(handler)
    while not handler.server.closing.wait(0.01):
        handler.wfile.write(b"x")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def logged(caplog) -> Iterator[pytest.LogCaptureFixture]:
    log.addHandler(caplog.handler)
    log.setLevel(logging.INFO)
    yield caplog
    log.removeHandler(caplog.handler)


@pytest.fixture
def target(tmp_path) -> Path:
    """Where the file has to go: a directory of its own that starts empty."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / NAME


def get(target: Path, *sources: str | Path, patience: Patience = CALM) -> str:
    return fetch(NAME, [str(source) for source in sources], target, patience, files=TABLE)


def refused(target: Path, *sources: str | Path, patience: Patience = CALM) -> str:
    """Fetch in vain: give the message, and make sure that nothing stayed behind."""
    with pytest.raises(StudyError) as error:
        get(target, *sources, patience=patience)
    assert list(target.parent.iterdir()) == []
    return str(error.value)


def directory(path: Path, **contents: bytes) -> Path:
    path.mkdir()
    for suffix, content in contents.items():
        (path / (NAME + {"plain": "", "packed": ".gz"}[suffix])).write_bytes(content)
    return path


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# --- directories ---------------------------------------------------------------------------


@pytest.mark.parametrize("contents", [{"plain": CONTENT}, {"packed": PACKED}])
def test_a_directory_may_hold_the_file_plain_or_packed(tmp_path, target, contents):
    source = directory(tmp_path / "source", **contents)
    assert get(target, source).startswith(str(source / NAME))
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [NAME]


def test_the_first_source_that_has_the_file_is_used(tmp_path, target):
    empty = directory(tmp_path / "empty")
    first = directory(tmp_path / "first", packed=PACKED)
    second = directory(tmp_path / "second", plain=CONTENT)
    place = get(target, tmp_path / "none", empty, first, second)
    assert place == str(first / f"{NAME}.gz")


def test_a_wrong_file_does_not_hide_the_right_one_beside_it(tmp_path, target):
    source = directory(tmp_path / "source", plain=WRONG, packed=PACKED)
    assert get(target, source) == str(source / f"{NAME}.gz")


def test_a_directory_in_the_place_of_the_file_is_named(tmp_path, target):
    source = directory(tmp_path / "source")
    (source / NAME).mkdir()
    assert f"{source / NAME}: not a file" in refused(target, source)


# --- contents ------------------------------------------------------------------------------

DAMAGED = PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pack(WRONG), hashlib.sha256(WRONG).hexdigest()),
        (pack(WRONG), f"expected 2,048 bytes with SHA-256 {TABLE[NAME].sha256}"),
        (pack(CONTENT + b"x"), "more than the expected 2,048 bytes"),
        # A bomb.  Its checksum is wrong, which only somebody who reads all of it gets to know.
        (pack(bytes(10_000_000))[:-8] + bytes(8), "more than the expected 2,048 bytes"),
        (pack(b""), "0 bytes with SHA-256"),
        (PACKED[:-20], "the gzip file is cut off"),
        (PACKED[:5], "the gzip file is cut off"),
        (DAMAGED, "the gzip file is damaged"),
        (PACKED[:12] + b"\xff" * 30 + PACKED[42:], "the gzip file is damaged"),
        (PACKED + b"more", "the gzip file is damaged"),
        (b"no gzip file", "12 bytes with SHA-256"),
        (b"", "0 bytes with SHA-256"),
        (b"\n<!DOCTYPE html><title>Log in</title>", "a web page"),
        (bytes(2_000_000), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("kind", ["directory", "server"])
def test_wrong_content_is_refused_with_a_reason(tmp_path, target, server, kind, content, reason):
    server.replies[f"/{NAME}.gz"] = [body(content)]
    local = directory(tmp_path / "source", packed=content)
    source, place = (local, local / NAME) if kind == "directory" else (server.url,) * 2
    message = refused(target, source)
    assert reason in message
    assert f"- {place}" in message


# --- servers -------------------------------------------------------------------------------


def test_a_good_server_is_asked_once(target, server):
    server.replies[f"/folder/{NAME}.gz"] = [body(PACKED)]
    assert get(target, f"{server.url}/folder/") == f"{server.url}/folder/{NAME}.gz"
    assert target.read_bytes() == CONTENT
    assert server.asked == [f"/folder/{NAME}.gz"]


@pytest.mark.parametrize(
    "reply",
    [body(CONTENT), unannounced(PACKED), silent_at_the_end, redirect("/elsewhere")],
    ids=["uncompressed on the way", "no length", "the connection stays open", "redirected"],
)
def test_the_right_body_is_taken_however_it_comes(target, server, reply):
    server.replies |= {f"/{NAME}.gz": [reply], "/elsewhere": [body(PACKED)]}
    get(target, server.url)
    assert target.read_bytes() == CONTENT
    assert server.asked[0] == f"/{NAME}.gz"
    assert set(server.asked[1:]) <= {"/elsewhere"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (status(404), "not found (HTTP status 404, Not Found)"),
        (status(403), "HTTP status 403, Forbidden"),
        (body(b"", announced=2_000_000), "too large: the server announces 2,000,000 bytes"),
        (unannounced(bytes(2_000_000)), "too large: more than 1,002,252 bytes"),
    ],
)
def test_a_final_fault_is_not_tried_again(target, server, reply, reason):
    server.replies[f"/{NAME}.gz"] = [reply]
    assert f"{server.url}/{NAME}.gz: {reason}" in refused(target, server.url)
    assert server.asked == [f"/{NAME}.gz", f"/{NAME}"]


def test_a_missing_packed_file_leads_to_the_plain_one_without_a_second_try(target, server):
    server.replies[f"/{NAME}"] = [body(CONTENT)]
    get(target, server.url)
    assert server.asked == [f"/{NAME}.gz", f"/{NAME}"]


@pytest.mark.parametrize(
    "first", [status(500), status(503), status(429), body(PACKED[:50], 900), reset]
)
def test_a_passing_fault_is_tried_again(target, server, logged, first):
    server.replies[f"/{NAME}.gz"] = [first, body(PACKED)]
    get(target, server.url)
    assert target.read_bytes() == CONTENT
    assert server.asked == [f"/{NAME}.gz"] * 2
    assert "trying again" in logged.text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (status(500), "HTTP status 500, Internal Server Error"),
        (body(PACKED[:50], announced=900), "cut off after 50 of 900 bytes"),
    ],
)
def test_a_lasting_fault_ends_after_the_last_try(target, server, reply, reason):
    server.replies[f"/{NAME}.gz"] = [reply]
    assert reason in refused(target, server.url, patience=CALM._replace(tries=2))
    assert server.asked == [f"/{NAME}.gz"] * 2


def test_a_server_that_is_down_is_passed_over(tmp_path, target, server, logged):
    server.replies[f"/{NAME}.gz"] = [body(PACKED)]
    down = f"http://127.0.0.1:{closed_port()}"
    assert get(target, down, server.url) == f"{server.url}/{NAME}.gz"
    assert f"{down}/{NAME}.gz: [Errno" in logged.text


def test_a_connection_that_is_reset_is_named(target, server):
    server.replies[f"/{NAME}.gz"] = [reset]
    message = refused(target, server.url, patience=CALM._replace(tries=1))
    assert "Connection reset by peer" in message


@pytest.mark.parametrize("reply", [silent, silent_in_the_middle])
def test_a_silent_server_is_passed_over(tmp_path, target, server, logged, reply):
    server.replies[f"/{NAME}.gz"] = [reply]
    source = directory(tmp_path / "source", packed=PACKED)
    place = get(target, server.url, source, patience=CALM._replace(timeout=0.1, tries=2))
    assert place == str(source / f"{NAME}.gz")
    assert "timed out after 0.1 s of silence" in logged.text
    assert server.asked == [f"/{NAME}.gz"] * 2


def test_a_slow_server_is_waited_for_and_progress_is_shown(target, server, logged):
    server.replies[f"/{NAME}.gz"] = [dripping]
    get(target, server.url, patience=CALM._replace(progress_every=0))
    assert target.read_bytes() == CONTENT
    lines = [text for text in logged.messages if f"of {len(PACKED)} bytes" in text]
    assert lines[0].endswith(f": 0 of {len(PACKED)} bytes")
    assert lines[-1].endswith("100%")


def test_an_endless_trickle_is_given_up(target, server):
    server.replies[f"/{NAME}.gz"] = [trickling]
    message = refused(target, server.url, patience=CALM._replace(timeout=0.5, tries=1))
    assert "too slow: less than 1000 bytes per second" in message


@pytest.mark.parametrize("target_of", ["a server that is down", "itself"])
def test_a_redirect_to_nowhere_is_an_outcome_like_any_other(tmp_path, target, server, target_of):
    place = f"http://127.0.0.1:{closed_port()}/" if target_of != "itself" else f"/{NAME}.gz"
    server.replies[f"/{NAME}.gz"] = [redirect(place)]
    source = directory(tmp_path / "source", packed=PACKED)
    assert get(target, server.url, source) == str(source / f"{NAME}.gz")


def test_a_server_that_does_not_speak_http_is_passed_over(tmp_path, target, server):
    server.replies[f"/{NAME}.gz"] = [no_http]
    source = directory(tmp_path / "source", packed=PACKED)
    assert get(target, server.url, source) == str(source / f"{NAME}.gz")


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_a_redirect_away_from_http_is_refused(tmp_path, target, server, scheme):
    local = directory(tmp_path / "source", plain=CONTENT) / NAME
    place = {"file": local.as_uri(), "ftp": "ftp://127.0.0.1/x", "data": "data:,x"}[scheme]
    server.replies[f"/{NAME}.gz"] = [redirect(place)]
    reason = "unknown url type" if scheme == "ftp" else "not allowed"
    assert reason in refused(target, server.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http:///x", "http://127.0.0.1/a b"])
def test_a_malformed_address_is_an_outcome_like_any_other(target, url):
    assert f"- {url}/{NAME}.gz: " in refused(target, url)


# --- all of it -----------------------------------------------------------------------------


def test_the_error_lists_each_place_with_its_outcome_and_says_what_to_do(tmp_path, target, server):
    server.replies[f"/wrong/{NAME}.gz"] = [body(pack(WRONG))]
    server.replies[f"/ill/{NAME}.gz"] = [status(500)]
    down = f"http://127.0.0.1:{closed_port()}"
    missing, empty = tmp_path / "missing", directory(tmp_path / "empty")
    message = refused(target, missing, empty, f"{server.url}/wrong", f"{server.url}/ill", down)
    assert message.startswith(f"{NAME}: no source has this file.\n")
    for line in (
        f"- {missing / NAME}: not found, there is no such directory\n",
        f"- {empty / NAME}.gz: not found\n",
        f"- {server.url}/wrong/{NAME}.gz: wrong content: found 2,048 bytes with SHA-256",
        f"- {server.url}/ill/{NAME}.gz: HTTP status 500",
        f"- {down}/{NAME}.gz: [Errno",
    ):
        assert line in message
    for advice in ("dataset-fashion-mnist", '"data: sources:" in config/config.yaml', "network"):
        assert advice in message


def test_without_sources_the_error_says_so(target):
    assert "no source is configured" in refused(target)


def test_an_existing_file_survives_a_failed_fetch(tmp_path, target):
    target.write_bytes(b"from before")
    with pytest.raises(StudyError, match="no source has this file"):
        get(target, tmp_path / "missing")
    assert target.read_bytes() == b"from before"
    assert list(target.parent.iterdir()) == [target]


def test_a_destination_that_cannot_be_written_is_named(tmp_path, target):
    source = directory(tmp_path / "source", plain=CONTENT)
    target.parent.rmdir()
    target.parent.write_text("a file where a directory should be")
    with pytest.raises(OSError, match=str(target.parent)):
        get(target, source)


def test_the_script_ends_with_the_message_and_without_a_traceback(tmp_path, target, capfd):
    rule = SimpleNamespace(
        wildcards=SimpleNamespace(file=NAME),
        params=SimpleNamespace(sources=[str(tmp_path / "missing")], timeout=1),
        output=[str(target)],
        log=[str(tmp_path / "fetch.log")],
    )
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(SCRIPTS / "fetch_dataset.py"), {"snakemake": rule})
    assert end.value.code == 1
    said = capfd.readouterr()
    assert said.out == ""
    for text in (said.err, (tmp_path / "fetch.log").read_text()):
        assert f"{NAME}: no source has this file" in text
        assert "Traceback" not in text
    assert not target.exists()


def test_the_table_names_four_files_with_whole_hashes():
    assert len(FILES) == 4
    for identity in FILES.values():
        assert len(bytes.fromhex(identity.sha256)) == 32
