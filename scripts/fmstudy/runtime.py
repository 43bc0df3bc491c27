"""What every job needs: logs, clear errors, atomic files, checked reading, provenance."""

from __future__ import annotations

import csv
import errno
import glob
import hashlib
import importlib
import io
import json
import logging
import math
import os
import platform
import re
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# When this job started, by time.monotonic(): jobs import this module early, and children of the
# warm process (see `warmstart`) import it after the fork.
STARTED = time.monotonic()

log = logging.getLogger("fmstudy")

# Set if the parent process reads errors from this job's log and shows them.
QUIET = "FMSTUDY_QUIET"
# The earliest date in a zip file: every member gets it, so the same content gives the same bytes.
EARLIEST = (1980, 1, 1, 0, 0, 0)


class StudyError(Exception):
    """An error that the user can fix: the message says what, where, and what to do next."""


# Errors of the system that are no bugs, each with what the user can do.
REMEDIES = {
    errno.ENOSPC: "Free some space on this disk",
    errno.EDQUOT: "Free some space, or have your quota raised",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "Make the disk writable, or use a folder on another one",
    errno.EACCES: "Change the permissions, or use a folder of your own",
    errno.EPERM: "Change the permissions, or use a folder of your own",
    errno.EEXIST: "Move it away, since the study needs a folder there",
    errno.ENOTDIR: "Move what is in the way of the folder",
    errno.EISDIR: "Move the folder away",
    errno.EIO: "The disk may be failing: use another one",
}


def remedy(number: int | None, place: object = "") -> str:
    """Describe an error of the system by its number, with what to do; "" for a possible bug."""
    if number not in REMEDIES:
        return ""
    what = f"{place}: {os.strerror(number)}" if place else os.strerror(number)
    return f"{what}. {REMEDIES[number]}. Then run the same command again: it continues."


@contextmanager
def job(log_file: str | os.PathLike[str]) -> Iterator[logging.Logger]:
    """Run the body of a script, with messages in `log_file` and warnings also on the terminal.

    The log file gets every message and everything else written to standard error, such as
    TensorFlow's messages during import (so import it in the body).  The terminal gets warnings,
    and errors unless `workflow.terminal` shows them or the log cannot be written.  A `StudyError`
    and a full or unwritable disk end the process with a message and exit code 1; any other
    exception is a bug and also leaves a traceback in the log.
    SIGTERM, which a cluster sends, ends the process cleanly: no half-written file remains.
    """
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        file = open(log_file, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        sys.exit(remedy(error.errno, error.filename) or f"{log_file}: {error}")
    sys.stderr.flush()
    terminal = os.dup(2)
    with os.fdopen(terminal, "w") as screen:
        os.dup2(file.fileno(), 2)
        to_file = logging.StreamHandler(file)
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        to_screen = logging.StreamHandler(screen)
        to_screen.setLevel(logging.WARNING)
        if os.environ.get(QUIET):
            to_screen.addFilter(lambda record: record.levelno < logging.ERROR)
        # Where the log cannot be written, the terminal gets the errors.
        to_file.handleError = lambda record: to_screen.filters.clear()  # type: ignore[method-assign]
        # Without the traceback.
        to_screen.format = lambda record: record.getMessage()  # type: ignore[method-assign]
        log.setLevel(logging.INFO)
        log.propagate = False
        log.handlers = [to_file, to_screen]
        try:
            yield log
        except StudyError as error:
            log.error("%s", error)
            sys.exit(1)
        except Exception as error:
            if isinstance(error, OSError) and (text := remedy(error.errno, error.filename)):
                log.error("%s", text)
                sys.exit(1)
            name = type(error).__name__
            text = "%s: %s\nThis is a bug in the study; the traceback is in %s"
            log.exception(text, name, error, log_file)
            sys.exit(1)
        finally:
            log.handlers = []
            for finish in (sys.stderr.flush, file.close):
                with suppress(OSError):  # the disk may be full
                    finish()
            os.dup2(terminal, 2)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit_on_signal(number: int, _: Any) -> NoReturn:
    """Exit with the code that a shell reports for this signal."""
    sys.exit(128 + number)


class Progress:
    """Logs the progress of a long task at its start and end, and every few seconds between.

    `workflow.progress` reads these lines.
    """

    def __init__(self, subject: str, total: float, unit: str, every: float = 5.0) -> None:
        self.subject, self.total, self.unit, self.every = subject, total, unit, every
        self.started = self.last = time.monotonic()
        if total:
            log.info("%s: 0 of %s %s", subject, f"{total:,.0f}", unit)

    def update(self, done: float, detail: str = "") -> None:
        """Log that `done` of `total` units are done, if a line is due."""
        now = time.monotonic()
        if now - self.last < self.every and done != self.total:
            return
        self.last = now
        if self.total and done:
            left = (now - self.started) * (self.total - done) / done
            text = f"{done:,.0f} of {self.total:,.0f} {self.unit}, about {left:.0f} s left"
        else:
            text = f"{done:,.0f} {self.unit}"
        log.info("%s", f"{self.subject}: {text}{', ' + detail if detail else ''}")


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it to `path` when the body succeeds.

    Readers see the old file or the complete new one; after an error, no temporary file remains.
    That of a process that was killed is removed when the same file is written again.
    An OSError names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.part-"
    for left in path.parent.glob(f"{glob.escape(prefix)}????????"):
        left.unlink(missing_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    try:
        text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
        with os.fdopen(descriptor, mode, **text) as file:  # type: ignore[call-overload]
            yield file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            number = error.errno or errno.ENOSPC  # NumPy gives none
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_write(path, "w") as file:
        file.write(text)


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write `content` as JSON, atomically; NaN and infinity become null."""
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV: 10 digits, missing values empty, the same bytes on any system."""
    write_text(path, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def write_array(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write one array as `.npy`, without pickle, atomically."""
    with atomic_write(path) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as `.npz`, without pickle, atomically.

    `numpy.savez` stores the current time with each member, so identical runs would produce
    different files; here every member has the same one.
    """
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=EARLIEST)
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise StudyError, with the file and what to do, for whatever fails while reading a file.

    Files are written atomically, so one that cannot be read was damaged later.  Damaged bytes make
    the libraries raise errors of many types, hence `Exception`.
    """
    try:
        yield
    except (StudyError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise StudyError(f"{path}: not found. Run the same command again to make it.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the system, not of the content
            raise StudyError(f"{path}: cannot be read: {error.strerror}.") from error
        if isinstance(error, KeyError):
            raise damaged(path, f"damaged: {error} is missing") from error
        raise damaged(path, f"damaged: {error}") from error


def damaged(path: str | os.PathLike[str], reason: str) -> StudyError:
    """Return the error for a result that cannot be used, with the remedy: to make it again."""
    return StudyError(f"{path}: {reason}. Delete it and run the same command again.")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object.  Raises StudyError as `reading` does."""
    with reading(path):
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not an object")
    return content


def read_cells(path: str | os.PathLike[str]) -> list[list[str]]:
    """Read the rows of a CSV file, header first, as text.

    Raises StudyError as `reading` does, also if a row has too few cells or the last line no end.
    """
    with reading(path):
        text = Path(path).read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        if not text.endswith("\n"):
            raise ValueError("the last line is cut off")
        for line, row in enumerate(rows, 1):
            if len(row) != len(rows[0]):
                raise ValueError(f"row {line} has {len(row)} cells, the header {len(rows[0])}")
    return rows


def read_table(
    path: str | os.PathLike[str], numbers: Sequence[str], text: Sequence[str], **options: Any
) -> pd.DataFrame:
    """Read a CSV table that has at least these columns.

    Columns of `numbers` must hold numbers, Booleans, or nothing; `options` are those of
    pandas.read_csv.  Raises StudyError as `read_cells` does.
    """
    import pandas as pd

    read_cells(path)
    with reading(path):
        table = pd.read_csv(path, dtype=dict.fromkeys(text, str), **options)
        for column in (*numbers, *text):
            values = table[column].dropna()  # KeyError if there is no such column
            if column in numbers:
                wrong = values[pd.to_numeric(values, errors="coerce").isna()]
                if len(wrong):
                    value = str(wrong.iloc[0])[:40]
                    raise ValueError(f"the column {column} has {value!r}, not a number")
    return table


def read_array(path: str | os.PathLike[str]) -> np.ndarray:
    """Map the array of a `.npy` file into memory, read-only, without pickle.

    Raises StudyError as `reading` does.
    """
    with reading(path):
        array: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    return array


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the named arrays of a `.npz` file, without pickle; it contains checksums of them.

    Raises StudyError as `reading` does.
    """
    with reading(path), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """Return the SHA-256 of files by their names, for the provenance beside them."""
    return {Path(path).name: sha256(path) for path in paths}


def verify_digest(path: str | os.PathLike[str]) -> None:
    """Raise StudyError if a file is not as its job left it, by the provenance.json beside it.

    Files without provenance, such as tables, are accepted.
    """
    record = Path(path).with_name("provenance.json")
    if record == Path(path) or not record.exists():
        return
    with reading(record):
        expected = read_json(record)["digests"][Path(path).name]
    with reading(path):
        if sha256(path) != expected:
            raise damaged(path, f"changed since it was made, by the digest in {record}")


# Packages whose versions affect results and report.
PACKAGES = (
    *("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pandas"),
    *("matplotlib", "snakemake", "jinja2"),
)


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the given packages.

    A CPU-only package, such as tensorflow-cpu, is reported under its usual name.  Where Snakemake
    alone is installed, and jobs run in an environment of conda, packages have their locked version.
    """
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(name: str) -> str:
    for package in (name, f"{name}-cpu"):
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    lock = Path(__file__).parents[2] / "requirements/study.txt"
    found = re.search(rf"^{name}==(\S+)", lock.read_text(encoding="utf-8"), re.M)
    if found is None:
        raise metadata.PackageNotFoundError(name)
    return found[1]


def find(name: str) -> Callable[..., Any]:
    """Import a function of the library by its name, such as analysis.tables.runs_table."""
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"fmstudy.{module}"), function)
    return found


def peak_memory_mb() -> float | None:
    """Return the peak memory of this process so far, in megabytes; None where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)  # macOS counts bytes


def machine() -> dict[str, Any]:
    """Describe the machine: system, processor, and the cores available to this process."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError):  # not Linux: keep the generic name
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        if found := re.search(r"^model name\s*: *(.*\S)", text, re.MULTILINE):
            processor = found[1]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.platform(), "processor": processor, "cores": cores}
