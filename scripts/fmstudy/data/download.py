"""Fetches and verifies the files of a ready-made data set.

A source is a folder, also as a file:// address, or the HTTP(S) address of a folder; it may hold
files as they are or compressed with gzip.  Sources are mirrors and caches outside our control, so
none is trusted: a file is accepted only if it has the expected identity.
"""

from __future__ import annotations

import gzip
import http.client
import io
import ssl
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fmstudy.data.folders import local_path, places
from fmstudy.data.identity import GZIP_MAGIC, Identity
from fmstudy.data.idx import parse_idx
from fmstudy.runtime import Progress, StudyError, atomic_write, log

BLOCK = 1 << 16
GONE = {404, 410}
RETRYABLE = {408, 425, 429, 500, 502, 503, 504}


class Patience(NamedTuple):
    """How long to wait for a server; times in seconds.

    timeout         maximum silence
    tries           attempts per address after errors that may be temporary
    pause           before the second attempt; doubled before each further one
    min_rate        bytes per second; slower downloads are abandoned
    progress_every  between two progress messages of a slow download
    """

    timeout: float
    tries: int = 3
    pause: float = 1.0
    min_rate: float = 1000.0
    progress_every: float = 10.0


class _SourceError(Exception):
    """The file cannot be read from this location; the message says why."""


class _AbsentError(_SourceError):
    """The location is readable but does not have the file."""


class _WrongError(_SourceError):
    """The file has images or labels of another data set, whose name is `owner`, if it is known."""

    def __init__(self, text: str, owner: str) -> None:
        super().__init__(text)
        self.owner = owner


class _UnreachableError(_SourceError):
    """The location does not respond correctly; a later attempt may succeed."""


class Wanted(NamedTuple):
    """The files of a ready-made data set, and how to tell them from others.

    name    of the data set
    files   the identity of each file
    others  further data sets whose files may be taken for these, by their names
    """

    name: str
    files: Mapping[str, Identity]
    others: Mapping[str, Mapping[str, Identity]]


def fetch(
    wanted: Wanted, sources: Sequence[str], folder: str | Path, patience: Patience
) -> dict[str, bytes]:
    """Return the uncompressed content of all files, from the first sources that have them.

    `sources` are directories or HTTP(S) addresses of folders, tried in this order after `folder`,
    where the files are kept.  They may hold files as they are or compressed, by any of the names
    in `_names`.  The outcome for each location is logged on one line.

    Raises StudyError, with what was found in each source, if files are missing in all of them, and
    OSError if `folder` cannot be written.
    """
    found: dict[str, bytes] = {}
    outcomes: dict[str, dict[str, list[str]]] = {}  # by source and reason: the files
    resembling: dict[str, list[str]] = {}  # owners of files of other data sets, by source
    odd: dict[str, str] = {}  # what else was wrong, by source
    for source in (str(folder), *sources):
        for name in (it for it in wanted.files if it not in found):
            try:
                content, compressed, place = _fetch(wanted, name, source, patience)
            except _SourceError as failure:
                reason = " ".join(str(failure).split())
                outcomes.setdefault(source, {}).setdefault(reason, []).append(name)
                if isinstance(failure, _WrongError):
                    resembling.setdefault(source, []).append(failure.owner)
                if not isinstance(failure, _AbsentError):  # which is normal
                    odd.setdefault(source, reason)
                log.info("%s: %s: %s", source, name, reason)
                if isinstance(failure, _UnreachableError):
                    break
                continue
            found[name] = content
            if source != str(folder):
                kept = (name, content) if wanted.files[name].sha256 else (f"{name}.gz", compressed)
                with atomic_write(Path(folder) / kept[0]) as file:
                    file.write(kept[1])
            log.info("%s: found, %s bytes", place, f"{len(content):,}")
    if len(found) < len(wanted.files):
        if str(folder) not in odd:
            del outcomes[str(folder)]
        raise StudyError(_message(wanted, found, outcomes, resembling))
    for source, reason in odd.items():  # once, now that it is known to be no error
        log.warning("%s: %s; another source has the files of %s", source, reason, wanted.name)
    return {name: found[name] for name in wanted.files}


def _message(
    wanted: Wanted,
    found: Mapping[str, bytes],
    outcomes: Mapping[str, Mapping[str, Sequence[str]]],
    resembling: Mapping[str, Sequence[str]],
) -> str:
    """Say what is missing, what was found instead, and what to do."""
    missing = [name for name in wanted.files if name not in found]
    every = len(missing) == len(wanted.files)
    lines = [f"{wanted.name}: no source has {'its files' if every else ', '.join(missing)}."]
    for source, reasons in outcomes.items():
        owners = resembling.get(source, [])
        if every and len(owners) == len(missing) and len(set(owners)) == 1 and owners[0]:
            lines.append(f"- {source}: these are {owners[0]}'s files")
            continue
        for reason, names in reasons.items():
            of = "" if len(names) == len(missing) else f"{', '.join(names)}: "
            lines.append(f"- {source}: {of}{reason}")
    if not outcomes:
        lines.append("- no source is configured")
    lines.append("To fix this, do one of the following:")
    for source, owners in resembling.items():
        other = owners[0]
        if other and other != wanted.name and len(set(owners)) == 1:
            lines.append(
                f"- to use {other}, write under data: {{name: {other}, sources: [{source!r}]}};"
            )
        elif not _is_url(source):
            lines.append(
                f"- if {source} has data of your own, give them a name and the folder: "
                f"data: {{name: mine, folder: {source!r}}};"
            )
    if wanted.name == "Fashion-MNIST":
        lines.append(
            "- install the package dataset-fashion-mnist (Debian, Ubuntu), which installs the "
            "files in\n  /usr/share/datasets/fashion-mnist;"
        )
    lines += [
        f"- put the four files (*-ubyte or *-ubyte.gz) of {wanted.name} into a folder, and list it "
        "under\n  data: sources: in the configuration"
        + (";\n- check the network." if any(map(_is_url, outcomes)) else "."),
        "Then run the same command again.",
    ]
    return "\n".join(lines)


def _fetch(wanted: Wanted, name: str, source: str, patience: Patience) -> tuple[bytes, bytes, str]:
    """Return a file's content, the gzip file with it, and its place; raises _SourceError."""
    size = wanted.files[name].size
    limit = size + size // 10 + 1_000_000  # compression may enlarge a file
    wrong: _SourceError = _AbsentError("not found")
    folder = local_path(source)
    candidates: list[str | Path]
    if folder is not None:
        try:
            if not folder.is_dir():
                raise _AbsentError("not found, there is no such folder")
            candidates = [place / it for place in places(folder) for it in _names(name)]
        except OSError as error:
            raise _unreadable(error) from error
    else:
        address = source if source.endswith("/") else f"{source}/"
        candidates = [f"{address}{name}.gz", f"{address}{name}"]
    for place in candidates:
        try:
            if isinstance(place, Path):
                raw = _read(place, limit)
            else:
                raw = _download(place, limit, patience)
            return *_verify(raw, wanted, name), str(place)
        except _UnreachableError:
            raise
        except _SourceError as failure:
            wrong = failure if isinstance(wrong, _AbsentError) else wrong
    raise wrong


def _names(name: str) -> Iterator[str]:
    """Yield the names that people have a file by: with a period before idx, or compressed."""
    for it in (name, name.replace("-idx", ".idx")):
        yield from (it, f"{it}.gz")


def _is_url(source: str) -> bool:
    return local_path(source) is None


def _read(path: Path, limit: int) -> bytes:
    """Read a local file; raises _AbsentError or _SourceError."""
    try:
        if not path.exists():
            raise _AbsentError("not found")
        if not path.is_file():
            raise _SourceError("not a file")
        if path.stat().st_size > limit:
            raise _SourceError(f"too large: {path.stat().st_size:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> _SourceError:
    return _SourceError(f"cannot be read: {error.strerror or error}")


def _download(url: str, limit: int, patience: Patience) -> bytes:
    """Download `url`, retrying after temporary errors; raises what `_request` raises."""
    for attempt in range(patience.tries - 1):
        try:
            return _request(url, limit, patience)
        except _UnreachableError as failure:
            log.info("%s: %s; trying again", url, failure)
            time.sleep(patience.pause * 2**attempt)
    return _request(url, limit, patience)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener limited to HTTP and HTTPS, so that no redirect leads anywhere else."""
    opener = urllib.request.OpenerDirector()
    web = urllib.request
    for handler in (
        *(web.ProxyHandler, web.UnknownHandler, web.HTTPHandler, web.HTTPSHandler),
        *(web.HTTPRedirectHandler, web.HTTPDefaultErrorHandler, web.HTTPErrorProcessor),
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "fmstudy")]
    return opener


def _request(url: str, limit: int, patience: Patience) -> bytes:
    """Download `url` with a single request.

    Raises _AbsentError, _UnreachableError (a retry may help) or _SourceError (it will not).
    """
    try:
        with _opener().open(url, timeout=patience.timeout) as response:
            return _body(response, url, limit, patience)
    except urllib.error.HTTPError as error:
        error.close()
        text = f"HTTP status {error.code}, {error.reason}".replace("\n", " ")
        if error.code in GONE:
            raise _AbsentError(f"not found ({text})") from error
        raise (_UnreachableError if error.code in RETRYABLE else _SourceError)(text) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # urllib passes on some connection errors unchanged and wraps others.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            raise _UnreachableError(f"timed out after {patience.timeout:g} s of silence") from error
        may_pass = isinstance(cause, OSError | http.client.IncompleteRead) and not isinstance(
            cause, ssl.SSLCertVerificationError
        )
        text = str(cause) or type(cause).__name__
        raise (_UnreachableError if may_pass else _SourceError)(text) from error


def _body(response: http.client.HTTPResponse, url: str, limit: int, patience: Patience) -> bytes:
    """Read a complete response body of at most `limit` bytes, in bounded time.

    The socket timeout ends silence but not a trickle, so every interval of that length must also
    reach the minimum rate.
    """
    announced = response.length
    if announced is not None and announced > limit:
        raise _SourceError(f"too large: the server announces {announced:,} bytes")
    progress = Progress(url, announced or 0, "bytes", patience.progress_every)
    content = bytearray()
    span_start, span_bytes = time.monotonic(), 0
    while block := response.read1(BLOCK):
        content += block
        if len(content) > limit:
            raise _SourceError(f"too large: more than {limit:,} bytes")
        progress.update(len(content), f"{len(content) / announced:.0%}" if announced else "")
        seconds = time.monotonic() - span_start
        if seconds > patience.timeout:
            if len(content) - span_bytes < patience.min_rate * seconds:
                raise _UnreachableError(
                    f"too slow: less than {patience.min_rate:g} bytes per second"
                )
            span_start, span_bytes = time.monotonic(), len(content)
    if announced is not None and len(content) < announced:
        raise _UnreachableError(f"cut off after {len(content):,} of {announced:,} bytes")
    return bytes(content)


def _verify(raw: bytes, wanted: Wanted, name: str) -> tuple[bytes, bytes]:
    """Return the uncompressed content, and the gzip file; raises _SourceError if it is another.

    The first bytes decide whether it is compressed, not the name: some servers decompress.
    """
    expected, compressed = wanted.files[name], b""
    if raw.startswith(GZIP_MAGIC):
        raw, compressed = _decompress(raw, expected.size), raw
    elif raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise _SourceError("wrong content: a web page, perhaps the network's login page")
    if expected.matches(raw, compressed):
        return raw, compressed
    for owner, files in {wanted.name: wanted.files, **wanted.others}.items():
        for file, identity in files.items():
            if identity.matches(raw, compressed):
                part = ("training " if file.startswith("train") else "test ") + file.split("-")[1]
                raise _WrongError(f"wrong content: these are {owner}'s {part}", owner)
    if not expected.sha256 and not compressed and len(raw) == expected.size:
        raise _SourceError(
            f"cannot be verified: for {wanted.name}, only the hash of the compressed file is "
            f"known; put {name}.gz here as its authors publish it"
        )
    try:
        shape = parse_idx(raw).shape
    except ValueError as error:
        raise _SourceError(f"wrong content: {error}, {len(raw):,} bytes") from error
    what = f"{shape[0]:,} labels"
    if len(shape) == 3:
        what = f"{shape[1]} x {shape[2]} images, {shape[0]:,} of them"
    raise _WrongError(f"wrong content: {what}, but not {wanted.name}'s", "")


def _decompress(content: bytes, size: int) -> bytes:
    """Decompress a gzip file of about `size` bytes; raises _SourceError if it is not one."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            # Reading one extra byte detects oversized content without expanding a gzip bomb.
            content = file.read(2 * size + 1)
    except EOFError as error:
        raise _SourceError("wrong content: the gzip file is cut off") from error
    except (OSError, zlib.error) as error:
        raise _SourceError(f"wrong content: the gzip file is damaged: {error}") from error
    if len(content) > 2 * size:
        raise _SourceError(
            f"wrong content: more than twice the expected {size:,} bytes after decompression"
        )
    return content
