"""Fetches the files of the data set from the first source that has them, and verifies them.

A source is a directory or the HTTP(S) address of a folder; it may hold files as they are or
compressed with gzip.  Sources are mirrors and caches outside our control, so none is trusted: a
file is accepted only if its uncompressed content has the expected SHA-256.
"""

from __future__ import annotations

import gzip
import http.client
import io
import logging
import os
import ssl
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fmstudy.data.identity import FILES, Identity
from fmstudy.runtime import Progress, StudyError, atomic_write, log

BLOCK = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"
GONE = {404, 410}
RETRYABLE = {408, 425, 429, 500, 502, 503, 504}

ADVICE = """\
To fix this, do one of the following:
- install the package dataset-fashion-mnist (Debian, Ubuntu), which installs the files in
  /usr/share/datasets/fashion-mnist;
- put the four files (*-ubyte or *-ubyte.gz) into a directory of your own;
- check the network.
Make sure that the directory or address is listed under "data: sources:" in config/config.yaml,
then run the same command again."""


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


class _UnreachableError(_SourceError):
    """The location does not respond correctly; a later attempt may succeed."""


def fetch(
    name: str,
    sources: Sequence[str],
    destination: str | Path,
    patience: Patience,
    *,
    files: Mapping[str, Identity] = FILES,
) -> str:
    """Write the uncompressed file `name` to `destination`, from the first source that has it.

    `sources` are directories or HTTP(S) addresses of folders, tried in this order; each may hold
    `name` or `name`.gz.  `files` has the required size and SHA-256.  The outcome for each location
    is logged on one line.

    Returns the location of the accepted file.  Raises StudyError, listing all outcomes, if no
    source has the file, and OSError if `destination` cannot be written; an existing file stays
    unchanged.
    """
    outcomes: list[str] = []
    for source in sources:
        for place in _locations(source, name):
            try:
                size = files[name].size
                limit = size + size // 10 + 1_000_000  # compression may enlarge a file
                if _is_url(place):
                    content = _download(place, limit, patience)
                else:
                    content = _read(Path(place), limit)
                content = _verify(content, files[name])
            except _SourceError as failure:
                outcomes.append(f"{place}: {failure}")
                # It is normal that some sources lack the file: no warning on the terminal.
                level = logging.INFO if isinstance(failure, _AbsentError) else logging.WARNING
                log.log(level, "%s", outcomes[-1])
                if isinstance(failure, _UnreachableError):
                    break
                continue
            with atomic_write(destination) as file:
                file.write(content)
            log.info("%s: found, %s", place, files[name])
            return place
    raise StudyError(
        f"{name}: no source has this file.\n"
        + "".join(f"- {outcome}\n" for outcome in outcomes or ["no source is configured"])
        + ADVICE
    )


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _locations(source: str, name: str) -> Iterator[str]:
    """Yield the file's possible locations in `source`, the likelier one first."""
    if _is_url(source):
        folder = source if source.endswith("/") else f"{source}/"
        yield from (f"{folder}{name}.gz", f"{folder}{name}")
    else:
        path = os.path.join(os.path.expanduser(source), name)
        yield from (path, f"{path}.gz")


def _read(path: Path, limit: int) -> bytes:
    """Read a local file; raises _AbsentError or _SourceError."""
    try:
        if not path.parent.is_dir():
            raise _AbsentError("not found, there is no such directory")
        if not path.exists():
            raise _AbsentError("not found")
        if not path.is_file():
            raise _SourceError("not a file")
        if path.stat().st_size > limit:
            raise _SourceError(f"too large: {path.stat().st_size:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise _SourceError(f"cannot be read: {error.strerror or error}") from error


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


def _verify(content: bytes, expected: Identity) -> bytes:
    """Return the uncompressed content; raises _SourceError unless it is the expected one.

    The first bytes decide whether it is compressed, not the name: some servers decompress.
    """
    if content.startswith(GZIP_MAGIC):
        content = _decompress(content, expected.size)
    elif content[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise _SourceError("wrong content: a web page, perhaps the network's login page")
    if difference := expected.mismatch(content):
        raise _SourceError(f"wrong content: {difference}")
    return content


def _decompress(content: bytes, size: int) -> bytes:
    """Decompress a gzip file of at most `size` bytes; raises _SourceError if it is not one."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            # Reading one extra byte detects oversized content without expanding a gzip bomb.
            content = file.read(size + 1)
    except EOFError as error:
        raise _SourceError("wrong content: the gzip file is cut off") from error
    except (OSError, zlib.error) as error:
        raise _SourceError(f"wrong content: the gzip file is damaged: {error}") from error
    if len(content) > size:
        raise _SourceError(
            f"wrong content: more than the expected {size:,} bytes after decompression"
        )
    return content
