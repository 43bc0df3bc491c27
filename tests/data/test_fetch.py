"""Only the right file gets in, from the first source that has it, and a bad source costs little.

The sources are directories, and a server on this machine that misbehaves as it is told to.
"""

import gzip
import hashlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from fixtures.idx import idx_file

from fmstudy.data.download import Patience, Wanted, fetch
from fmstudy.data.identity import Identity
from fmstudy.runtime import StudyError, log

NAME = "train-labels-idx1-ubyte"
CONTENT = bytes(range(256)) * 8
pack = partial(gzip.compress, mtime=0)
PACKED = pack(CONTENT)
WRONG = CONTENT[:-1] + b"x"
TABLE = {NAME: Identity(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())}
SET = Wanted("Small", TABLE, {})
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
    """Where the file is kept: a directory of its own that starts empty."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / NAME


def get(target: Path, *sources: str | Path, patience: Patience = CALM) -> str:
    """Fetch the file; give the place where it was found."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        contents = fetch(SET, [str(source) for source in sources], target.parent, patience)
    finally:
        log.removeHandler(handler)
    assert contents == {NAME: CONTENT}
    return next(it for it in found if ": found, " in it).partition(": found, ")[0]


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
    assert f"- {source}: not a file" in refused(target, source)


# --- contents ------------------------------------------------------------------------------

DAMAGED = PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pack(WRONG), "not an IDX file of unsigned bytes, 2,048 bytes"),
        (pack(idx_file(np.zeros((3, 4, 5)))), "4 x 5 images, 3 of them, but not Small's"),
        (idx_file(np.zeros(7)), "7 labels, but not Small's"),
        (idx_file(np.zeros(7))[:-1], "6 values, but its header says 7"),
        (pack(CONTENT + b"x" * 2049), "more than twice the expected 2,048 bytes"),
        # A bomb.  Its checksum is wrong, which only somebody who reads all of it gets to know.
        (pack(bytes(10_000_000))[:-8] + bytes(8), "more than twice the expected 2,048 bytes"),
        (pack(b""), "not an IDX file of unsigned bytes, 0 bytes"),
        (PACKED[:-20], "the gzip file is cut off"),
        (PACKED[:5], "the gzip file is cut off"),
        (DAMAGED, "the gzip file is damaged"),
        (PACKED[:12] + b"\xff" * 30 + PACKED[42:], "the gzip file is damaged"),
        (PACKED + b"more", "the gzip file is damaged"),
        (b"no gzip file", "12 bytes"),
        (b"", "0 bytes"),
        (b"\n<!DOCTYPE html><title>Log in</title>", "a web page"),
        (bytes(2_000_000), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("kind", ["directory", "server"])
def test_wrong_content_is_refused_with_a_reason(tmp_path, target, server, kind, content, reason):
    server.replies[f"/{NAME}.gz"] = [body(content)]
    local = directory(tmp_path / "source", packed=content)
    source = local if kind == "directory" else server.url
    message = refused(target, source)
    assert reason in message
    assert f"- {source}: " in message


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
    assert f"- {server.url}: {reason}" in refused(target, server.url)
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
    assert f"{down}: {NAME}: [Errno" in logged.text


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


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:port", "http:///x", "http://127.0.0.1/a b", "file://[x", "x" * 300],
)
def test_a_malformed_address_is_an_outcome_like_any_other(target, url):
    assert f"- {url}: " in refused(target, url)


# --- all of it -----------------------------------------------------------------------------


def test_the_error_lists_each_place_with_its_outcome_and_says_what_to_do(tmp_path, target, server):
    server.replies[f"/wrong/{NAME}.gz"] = [body(pack(WRONG))]
    server.replies[f"/ill/{NAME}.gz"] = [status(500)]
    down = f"http://127.0.0.1:{closed_port()}"
    missing, empty = tmp_path / "missing", directory(tmp_path / "empty")
    message = refused(target, missing, empty, f"{server.url}/wrong", f"{server.url}/ill", down)
    assert message.startswith("Small: no source has its files.\n")
    for line in (
        f"- {missing}: not found, there is no such folder\n",
        f"- {empty}: not found\n",
        f"- {server.url}/wrong: wrong content: not an IDX file",
        f"- {server.url}/ill: HTTP status 500",
        f"- {down}: [Errno",
    ):
        assert line in message
    for advice in ("of Small into a folder", "data: sources: in the configuration", "network"):
        assert advice in message
    assert "network" not in refused(target, missing, empty)


def test_without_sources_the_error_says_so(target):
    assert "no source is configured" in refused(target)


def test_a_file_that_is_there_already_is_used_and_a_wrong_one_is_replaced(tmp_path, target):
    """As on a machine without a network, where somebody put it."""
    target.write_bytes(CONTENT)
    assert get(target) == str(target)
    target.write_bytes(WRONG)
    get(target, directory(tmp_path / "source", plain=CONTENT))
    assert target.read_bytes() == CONTENT


def test_an_existing_file_survives_a_failed_fetch(tmp_path, target):
    target.write_bytes(b"from before")
    with pytest.raises(StudyError, match="no source has its files"):
        get(target, tmp_path / "missing")
    assert target.read_bytes() == b"from before"
    assert list(target.parent.iterdir()) == [target]


def test_a_destination_that_cannot_be_written_is_named(tmp_path, target):
    source = directory(tmp_path / "source", plain=CONTENT)
    target.parent.rmdir()
    target.parent.write_text("a file where a directory should be")
    with pytest.raises(OSError, match=str(target.parent)):
        get(target, source)


# --- whole sets ----------------------------------------------------------------------------

ARRAYS = {
    "train-images-idx3-ubyte": np.arange(3 * 4 * 5).reshape(3, 4, 5),
    "train-labels-idx1-ubyte": np.arange(3),
    "t10k-images-idx3-ubyte": np.ones((2, 4, 5)),
    "t10k-labels-idx1-ubyte": np.arange(2),
}
FILES = {name: idx_file(array) for name, array in ARRAYS.items()}


def identities(files: dict[str, bytes], gz: bool = False) -> dict[str, Identity]:
    kind = "gz_sha256" if gz else "sha256"
    hashes = {
        name: hashlib.sha256(pack(content) if gz else content).hexdigest()
        for name, content in files.items()
    }
    return {name: Identity(len(files[name]), **{kind: it}) for name, it in hashes.items()}


@pytest.mark.parametrize("form", ["{}", "file://{}", "~/{}"])
@pytest.mark.parametrize("place", ["", "raw", "FashionMNIST/raw"])
def test_files_are_found_by_the_names_and_in_the_places_that_people_have(
    tmp_path, monkeypatch, place, form
):
    folder = tmp_path / "my data" / place
    folder.mkdir(parents=True)
    for end, (name, content) in zip(("", ".gz", "", ".gz"), FILES.items(), strict=True):
        named = name.replace("-idx", ".idx") if "images" in name else name
        (folder / f"{named}{end}").write_bytes(pack(content) if end else content)
    monkeypatch.setenv("HOME", str(tmp_path))
    source = {"{}": tmp_path / "my data", "~/{}": "~/my data"}.get(
        form, (tmp_path / "my data").as_uri()
    )
    wanted = Wanted("Small", identities(FILES), {})
    assert fetch(wanted, [str(source)], tmp_path / "kept", CALM) == FILES


def test_files_of_another_set_are_named_in_one_message_with_what_to_do(tmp_path):
    folder, other = tmp_path / "mine", {name: it + b"" for name, it in FILES.items()}
    folder.mkdir()
    for name, content in other.items():
        (folder / name).write_bytes(content)
    nothing = {name: Identity(1, "0" * 64) for name in FILES}
    known = Wanted("Small", nothing, {"Other": identities(other)})
    with pytest.raises(StudyError) as error:
        fetch(known, [str(folder)], tmp_path / "kept", CALM)
    message = str(error.value)
    assert f"- {folder}: these are Other's files\n" in message
    assert f"data: {{name: Other, sources: ['{folder}']}}" in message
    assert len(message.splitlines()) < 10
    with pytest.raises(StudyError) as error:
        fetch(Wanted("Small", nothing, {}), [str(folder)], tmp_path / "kept", CALM)
    assert "4 x 5 images, 3 of them, but not Small's" in str(error.value)
    assert f"data: {{name: mine, folder: '{folder}'}}" in str(error.value)


def test_a_set_known_by_its_compressed_files_is_verified_and_kept_compressed(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    wanted = Wanted("Small", identities(FILES, gz=True), {})
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    with pytest.raises(StudyError, match=r"cannot be verified.*put train-images-idx3-ubyte\.gz"):
        fetch(wanted, [str(folder)], tmp_path / "kept", CALM)
    for name, content in FILES.items():
        (folder / f"{name}.gz").write_bytes(pack(content))
    assert fetch(wanted, [str(folder)], tmp_path / "kept", CALM) == FILES
    assert fetch(wanted, [], tmp_path / "kept", CALM) == FILES


def test_a_server_that_is_down_is_asked_for_one_file_only(tmp_path, server):
    wanted = Wanted("Small", identities(FILES), {})
    server.replies = {f"/{name}.gz": [status(500)] for name in FILES}
    with pytest.raises(StudyError):
        fetch(wanted, [server.url], tmp_path / "kept", CALM._replace(tries=1))
    assert server.asked == ["/train-images-idx3-ubyte.gz"]
