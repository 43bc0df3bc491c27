"""Recognizes results that were copied or edited, so that Snakemake reuses only what is right.

Snakemake records in `.snakemake` what made each result, but not its content, and results travel
without that folder.  So a file beside the results, `RECORDS`, has for each of them Snakemake's
record and the SHA-256 of the content.  `check` compares both with what is on disk:

- The file is as Snakemake left it: all is well; `RECORDS` is brought up to date.
- It was copied or touched, and its content matches `RECORDS`: its record and modification time are
  restored, so Snakemake decides about it as in the folder where it was made.
- Anything else: its record is marked as unknown, so Snakemake rebuilds it where it is needed.  The
  file stays as it is until then.

Everything that depends on how Snakemake keeps its records is in this module.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fmstudy import runtime
from fmstudy.workflow.digest import SCRIPTS

RECORDS = "results/made.json.gz"  # of all studies in a folder
INDEX = Path(".snakemake/made.json")  # what was found right, by size and time
UNKNOWN = "'not made here, or changed since'"  # as the only parameter in a record: it never matches
FOLDERS = ("results", "report")  # what rules write to
LARGEST = 1 << 30  # bytes that are read of `RECORDS`, unpacked
LISTED = 3  # paths in a message

# What Snakemake records about a run rather than about what made a result.
OF_ONE_RUN = {"starttime", "job_hash", "external_jobid", "incomplete"}

Content = tuple[int, int, str]  # size in bytes, modification time in ns, SHA-256


class Made(NamedTuple):
    """Snakemake's record of what made a file, and the SHA-256 of its content."""

    record: dict[str, Any]
    sha256: str


def ignore_script_times() -> None:
    """Make Snakemake ignore the modification times of our scripts, which differ in each clone.

    The digest in each rule's parameters covers its script (`digest`).
    """
    from snakemake import jobs

    original = jobs.get_script_mtime
    jobs.get_script_mtime = lambda path: (
        0.0 if Path(path).resolve().parent == SCRIPTS else original(path)
    )


def check_results(workflow: Any, warn: Callable[[str], None]) -> None:
    """Check all results of a workflow, and warn of those that will be rebuilt."""
    from snakemake.settings.enums import PersistenceBackend

    if workflow.workflow_settings.persistence_backend != PersistenceBackend.FILE:
        return
    if "--drop-metadata" in sys.argv:  # the settings are not known while rules are read
        return
    try:
        unknown = check(workflow.rules, warn)
    except OSError as error:
        warn(f"Results cannot be checked: {error}.")
        return
    if unknown and not {"--touch", "-t"} & set(sys.argv):  # which accepts them
        more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
        have, them = ("file has", "it") if len(unknown) == 1 else ("files have", "them")
        warn(
            f"{len(unknown)} {have} an unknown origin or changed content and will be rebuilt where "
            "needed:\n"
            f"    {', '.join(unknown[:LISTED])}{more}\n"
            f"To accept {them} instead: snakemake --cores 1 --touch (docs/how-to/reuse.md)."
        )


def check(rules: Iterable[Any], warn: Callable[[str], None]) -> list[str]:
    """Bring Snakemake's records and `RECORDS` up to date; return the files without a record."""
    rules = list(rules)
    present = dict(_present())  # first: Snakemake marks files before it makes them
    known = _read_index()
    changed = [path for path, it in present.items() if known.get(path, ())[:2] != _stamp(it)]
    changed = sorted(filter(_is_output(rules), changed))
    records = _stamp(present[RECORDS]) if RECORDS in present else ()
    if not changed and known.get(RECORDS, ())[:2] == records:
        return []
    store = _Store()
    made = _read_made(warn)
    ahead = _seconds_ahead(made)
    skipped = store.incomplete(changed)
    sha256 = cache(runtime.sha256)
    same_sources = _SameSources(rules, present, sha256)
    unknown = []
    for path in changed:
        if path in skipped:
            continue
        record, content, found = store.read(path), sha256(path), os.stat(path)
        if record.get("endtime") != found.st_mtime or is_unknown(record):
            right = made.get(path)
            valid = right and right.sha256 == content and store.is_valid(right.record, same_sources)
            if not right or not valid:
                store.write(path, record | {"params": [UNKNOWN]})
                known.pop(path, None)
                unknown.append(path)
                continue
            record = right.record
            with suppress(PermissionError):  # somebody else's file; Snakemake copes with any time
                os.utime(path, (found.st_atime, max(0.0, record["endtime"] - ahead)))
            store.write(path, record | {"endtime": os.stat(path).st_mtime})
        made.pop(path, None)
        known[path] = (*_stamp(os.stat(path)), content)
    for path in known.keys() & present.keys() - made.keys() - {RECORDS}:
        made[path] = Made(store.read(path), known[path][2])
    if made:
        _write_made(made)
        known[RECORDS] = (*_stamp(os.stat(RECORDS)), "")
        runtime.write_text(INDEX, json.dumps(known))
    return unknown


def is_unknown(record: dict[str, Any]) -> bool:
    """Return whether a record says that nothing is known about its file."""
    return UNKNOWN in (record.get("params") or ())


# --------------------------------------------------------------------------- files on disk
def _present() -> Iterator[tuple[str, os.stat_result]]:
    """Every file in the folders that rules write to."""
    folders, seen = list(FOLDERS), set()  # the latter for links in a circle
    while folders:
        folder = folders.pop()
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            place = os.stat(folder)
            if (place.st_dev, place.st_ino) in seen:
                continue
            seen.add((place.st_dev, place.st_ino))
            for entry in entries:
                with suppress(FileNotFoundError):  # removed meanwhile
                    if entry.is_dir():
                        folders.append(entry.path)
                    else:
                        yield entry.path, entry.stat()


def _is_output(rules: list[Any]) -> Callable[[str], bool]:
    outputs = [output for rule in rules for output in rule.output]
    fixed = {str(output) for output in outputs if not output.contains_wildcard()}
    starts = tuple({it.constant_prefix() for it in outputs if it.contains_wildcard()})
    return lambda path: (
        path in fixed or (path.startswith(starts) and any(it.match(path) for it in outputs))
    )


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


# ------------------------------------------------------------------- our own two files
def _read_index() -> dict[str, Content]:
    with suppress(OSError, ValueError, TypeError, AttributeError):  # missing or damaged
        content = json.loads(INDEX.read_text(encoding="utf-8"))
        return {
            path: (int(size), int(time), str(sha)) for path, (size, time, sha) in content.items()
        }
    return {}


def _read_made(warn: Callable[[str], None]) -> dict[str, Made]:
    try:
        with gzip.open(RECORDS) as file:
            content = json.loads(file.read(LARGEST))
        return {path: Made(dict(it["record"]), str(it["sha256"])) for path, it in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        warn(f"{RECORDS} is damaged and ignored.")
        return {}


def _write_made(made: dict[str, Made]) -> None:
    content = {
        path: {"sha256": it.sha256, "record": _lasting(it.record)} for path, it in made.items()
    }
    with runtime.atomic_write(RECORDS) as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        packed.write(json.dumps(content, sort_keys=True).encode())


def _seconds_ahead(made: dict[str, Made]) -> float:
    """Return how far the clock of the machine that made the results is ahead of this one's.

    All times are moved back by as much, because their order tells which results are outdated.
    """
    times = (it.record.get("endtime") for it in made.values())
    known = (it for it in times if isinstance(it, float) and math.isfinite(it))
    return max(0.0, max(known, default=0.0) - time.time())


def _lasting(record: dict[str, Any]) -> dict[str, Any]:
    return {key: it for key, it in record.items() if it is not None and key not in OF_ONE_RUN}


# ------------------------------------------------------------------- Snakemake's records
class _Store:
    """Snakemake's records in the working directory, as plain dictionaries."""

    def __init__(self) -> None:
        from snakemake import persistence
        from snakemake.persistence.file import FilePersistence

        self.files = FilePersistence()
        self.record_type = persistence.MetadataRecord
        self.version = persistence.RECORD_FORMAT_VERSION

    def read(self, path: str) -> dict[str, Any]:
        """Return the record of a file; empty if there is none."""
        record = None
        with suppress(ValueError, TypeError):  # damaged
            record = self.files._read_record(path)
        return dict(record.items()) if record else {}

    def write(self, path: str, record: dict[str, Any]) -> None:
        """Write the record of a file."""
        content = record | {"record_format_version": self.version}
        self.files._write_record(path, self.record_type.model_validate(content))
        self.files._clear_cache()

    def incomplete(self, paths: list[str]) -> set[str]:
        """Return the files of unfinished jobs."""
        return set(self.files._filter_incomplete_keys(paths))

    def is_valid(self, record: dict[str, Any], same_sources: Callable[[Any], bool]) -> bool:
        """Return whether a record is one of this version of Snakemake, and its sources are here."""
        with suppress(ValueError, KeyError, TypeError):
            self.record_type.model_validate(record)
            return bool(
                record["record_format_version"] == self.version
                and not is_unknown(record)
                and 0.0 <= record["endtime"] < math.inf
                and same_sources(record["input_checksums"])
            )
        return False


class _SameSources:
    """Whether inputs that no rule makes, such as templates, are those that Snakemake recorded.

    Snakemake compares only inputs that are newer than a result.  Here, they may be older.
    """

    def __init__(
        self, rules: list[Any], results: Iterable[str], sha256: Callable[[str], str]
    ) -> None:
        inputs = (it for rule in rules for it in rule.input if getattr(it, "is_ancient", False))
        self.skipped = {*results, *map(str, inputs)}
        self.sha256 = sha256

    def __call__(self, checksums: dict[str, str]) -> bool:
        sources = (it for it in checksums.items() if it[0] not in self.skipped)
        return all(
            not os.path.isfile(path) or checksum == f"sha256:{self.sha256(path)}"
            for path, checksum in sources
        )
