"""Get the files of the data set from wherever they can be had, and let in only the right ones.

A source is a directory or the http(s) address of a folder, and may hold a file as it is or
compressed with gzip.  Sources are mirrors and caches that nobody here controls: none is
trusted, and a file counts only if its uncompressed content has the expected SHA-256.
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
WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}

ADVICE = """\
What to do, whichever is easiest:
- install the package dataset-fashion-mnist (Debian, Ubuntu), which puts the files into
  /usr/share/datasets/fashion-mnist;
- put the four files (*-ubyte or *-ubyte.gz) into a directory of yours;
- check the network.
See that the directory or the address is among "data: sources:" in config/config.yaml,
and run the same command again."""


class Patience(NamedTuple):
    """How long a server is waited for, in seconds.

    timeout         how long it may stay silent
    tries           how often an address is asked that fails in a way that may pass
    pause           before the second try; doubled before each further one
    slowest         bytes per second; a slower server is given up
    progress_every  between two lines on how far a slow download is
    """

    timeout: float
    tries: int = 3
    pause: float = 1.0
    slowest: float = 1000.0
    progress_every: float = 10.0


class _SourceError(Exception):
    """This place does not give the file; the message says why."""


class _AbsentError(_SourceError):
    """The place can be asked, and the file is not there."""


class _UnreachableError(_SourceError):
    """The place does not answer as it should; it may do so later."""


def fetch(
    name: str,
    sources: Sequence[str],
    destination: str | Path,
    patience: Patience,
    *,
    files: Mapping[str, Identity] = FILES,
) -> str:
    """Write the uncompressed file `name` to `destination`, from the first source that has it.

    `sources` are directories or http(s) addresses of folders, tried in this order; each may
    hold `name` or `name`.gz.  `files` gives the size and the SHA-256 that the content must
    have.  What became of each place goes to the log, one line each.

    Returns the place that the file came from.  Raises StudyError, with all outcomes, if no
    source has the file, or if `destination` cannot be written; what stood there stays.
    """
    outcomes: list[str] = []
    for source in sources:
        for place in _places(source, name):
            try:
                largest = _largest(files[name].size)
                if _is_url(place):
                    content = _download(place, largest, patience)
                else:
                    content = _read(Path(place), largest)
                content = _checked(content, files[name])
            except _SourceError as failure:
                outcomes.append(f"{place}: {failure}")
                # An absent file is the ordinary case of a list of sources: not for the terminal.
                level = logging.INFO if isinstance(failure, _AbsentError) else logging.WARNING
                log.log(level, "%s", outcomes[-1])
                if isinstance(failure, _UnreachableError):
                    break
                continue
            try:
                with atomic_write(destination) as file:
                    file.write(content)
            except OSError as error:
                raise StudyError(f"{destination}: cannot be written: {error}") from error
            log.info("%s: found, %s", place, files[name])
            return place
    raise StudyError(
        f"{name}: no source has this file.\n"
        + "".join(f"- {outcome}\n" for outcome in outcomes or ["no source is configured"])
        + ADVICE
    )


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _places(source: str, name: str) -> Iterator[str]:
    """Where in `source` the file may be, the likelier place first."""
    if _is_url(source):
        folder = source if source.endswith("/") else f"{source}/"
        yield f"{folder}{name}.gz"
        yield f"{folder}{name}"
    else:
        directory = os.path.expanduser(source)
        yield os.path.join(directory, name)
        yield os.path.join(directory, f"{name}.gz")


def _largest(size: int) -> int:
    """More bytes than any honest compressed form of `size` bytes takes."""
    return size + size // 10 + 1_000_000


def _read(path: Path, largest: int) -> bytes:
    """Give the content of a local file; raises _AbsentError or _SourceError."""
    try:
        if not path.parent.is_dir():
            raise _AbsentError("not found, there is no such directory")
        if not path.exists():
            raise _AbsentError("not found")
        if not path.is_file():
            raise _SourceError("not a file")
        if path.stat().st_size > largest:
            raise _SourceError(f"too large: {path.stat().st_size:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise _SourceError(f"cannot be read: {error.strerror or error}") from error


def _download(url: str, largest: int, patience: Patience) -> bytes:
    """Give what `url` holds, asking again if that may help; raises what `_request` raises."""
    for attempt in range(1, patience.tries):
        try:
            return _request(url, largest, patience)
        except _UnreachableError as failure:
            log.info("%s: %s; trying again", url, failure)
            time.sleep(patience.pause * 2 ** (attempt - 1))
    return _request(url, largest, patience)


def _opener() -> urllib.request.OpenerDirector:
    """An opener that knows http and https only, so that no redirect leads anywhere else.

    The proxies of the environment are used, as any download here would.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "fmstudy")]
    return opener


def _request(url: str, largest: int, patience: Patience) -> bytes:
    """Give what `url` holds, asking once.

    Raises _AbsentError, _UnreachableError (asking again may help) or _SourceError (it will not).
    """
    try:
        with _opener().open(url, timeout=patience.timeout) as response:
            return _body(response, url, largest, patience)
    except urllib.error.HTTPError as error:
        error.close()
        text = f"HTTP status {error.code}, {error.reason}".replace("\n", " ")
        if error.code in GONE:
            raise _AbsentError(f"not found ({text})") from error
        raise (_UnreachableError if error.code in WORTH_A_RETRY else _SourceError)(text) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # urllib hands some errors of the connection on as they are and wraps others.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            raise _UnreachableError(f"timed out after {patience.timeout:g} s of silence") from error
        may_pass = isinstance(cause, OSError | http.client.IncompleteRead) and not isinstance(
            cause, ssl.SSLCertVerificationError
        )
        text = str(cause) or type(cause).__name__
        raise (_UnreachableError if may_pass else _SourceError)(text) from error


def _body(response: http.client.HTTPResponse, url: str, largest: int, patience: Patience) -> bytes:
    """Read the body of an answer: all of it, no more than `largest` bytes, and not for ever.

    The timeout of the socket ends a silence.  It does not end a trickle, so the slowest rate
    allowed is demanded of each span of the same length.
    """
    announced = response.length
    if announced is not None and announced > largest:
        raise _SourceError(f"too large: {announced:,} bytes are announced")
    progress = Progress(url, announced or 0, "bytes", patience.progress_every)
    content = bytearray()
    span_start, span_bytes = time.monotonic(), 0
    while block := response.read1(BLOCK):
        content += block
        if len(content) > largest:
            raise _SourceError(f"too large: more than {largest:,} bytes")
        progress.update(len(content), f"{len(content) / announced:.0%}" if announced else "")
        seconds = time.monotonic() - span_start
        if seconds > patience.timeout:
            if len(content) - span_bytes < patience.slowest * seconds:
                raise _UnreachableError(
                    f"too slow: less than {patience.slowest:g} bytes per second"
                )
            span_start, span_bytes = time.monotonic(), len(content)
    if announced is not None and len(content) < announced:
        raise _UnreachableError(f"cut off after {len(content):,} of {announced:,} bytes")
    return bytes(content)


def _checked(content: bytes, expected: Identity) -> bytes:
    """Give the uncompressed content if it is the expected one; raises _SourceError if it is not.

    What a file is shows in its first bytes, not in its name: some servers uncompress on the way.
    """
    if content.startswith(GZIP_MAGIC):
        content = _uncompressed(content, expected.size)
    elif content[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise _SourceError("wrong content: a web page, perhaps a log-in page of the network")
    if difference := expected.mismatch(content):
        raise _SourceError(f"wrong content: {difference}")
    return content


def _uncompressed(content: bytes, size: int) -> bytes:
    """Uncompress a gzip file of at most `size` bytes; raises _SourceError if it is not one."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            # One byte too many shows that there are too many, whatever a bomb holds.
            content = file.read(size + 1)
    except EOFError as error:
        raise _SourceError("wrong content: the gzip file is cut off") from error
    except (OSError, zlib.error) as error:
        raise _SourceError(f"wrong content: the gzip file is damaged: {error}") from error
    if len(content) > size:
        raise _SourceError(f"wrong content: more than the expected {size:,} bytes, uncompressed")
    return content
