"""The whole study as a research object: results, code, and how these came about, in one zip.

It is a Workflow Run RO-Crate (https://w3id.org/ro/wfrun/workflow/0.5): files, and beside them
ro-crate-metadata.json, by which archives such as Zenodo and WorkflowHub understand what they are.
Unpacked, it is a folder in which the study can be run again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from fmstudy.exports.markdown import environment
from fmstudy.report.reuse import CONFIGURATION
from fmstudy.runtime import EARLIEST, StudyError

Files = dict[str, bytes]  # content by path in the bundle

METADATA, README, WORKFLOW = "ro-crate-metadata.json", "README.md", "Snakefile"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
BIOSCHEMAS = "https://bioschemas.org/profiles/{}/1.0-RELEASE"
TYPES = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".yaml": "application/yaml",
}
# What the study has made, in the order of importance, by the names of the rule's inputs.
RESULTS = {
    "page": "The report, a page that needs nothing else",
    "pdf": "The report as a PDF",
    "playground": "A page with models to play with",
    "tables": "Every table of the report as CSV",
    "figures": "Every figure of the report as SVG, with its values as CSV",
    "exports": "Each trained model as a Keras and an ONNX file, with a card",
    "record": "What the results are of: models, configuration, versions",
    "summary": "What the data set is",
}
FOLDERS = ("tables", "figures", "exports")
# Parts of the code, if it has them.
CODE = {
    README: "What is in this bundle, and how to use it",
    "LICENSE": "The license of the code",
    "CITATION.cff": "How to cite the study",
    "Makefile": "What `make` can do with the study",
    "scripts/": "The code of the study: its library, and a script for each step",
    "workflow/": "The rules of the workflow",
    "report/": "The templates and texts of the report",
    "requirements/": "The packages that the study needs, with versions and hashes",
}
# Where to read about the software whose versions are recorded.
PAGES = {
    "python": "https://www.python.org",
    "tensorflow": "https://www.tensorflow.org",
    "keras": "https://keras.io",
    "numpy": "https://numpy.org",
    "scipy": "https://scipy.org",
    "scikit-learn": "https://scikit-learn.org",
    "pandas": "https://pandas.pydata.org",
    "matplotlib": "https://matplotlib.org",
    "snakemake": "https://snakemake.github.io",
    "jinja2": "https://jinja.palletsprojects.com",
}


def pack(
    record: Mapping[str, Any],
    made: Mapping[str, Any],
    cited: Mapping[str, Any],
    code: Files,
    configuration: Files,
    results: Mapping[str, tuple[str, Files]],
    templates: str | Path,
) -> bytes:
    """Return the zip file; the same arguments give the same bytes.

    record          study.json: title, versions, code, and data of the study
    made            the `total` of `report.provenance.summary`: when the jobs ran, and how many
    cited           the result of `reuse.read_citation`
    configuration   the files of the configuration; they are used instead of the code's
    results         what each result is, and its files: of a file, or of a folder, whose path ends
                    with a slash; the page of the report is the first

    Raises StudyError if the citation names no license, because no archive takes a bundle without.
    """
    if not cited["license"]:
        raise StudyError(
            "CITATION.cff: there is no license, and archives take nothing without one. Add a line "
            "such as license: MIT and run the same command again."
        )
    about = {path: text for path, (text, _) in results.items()}
    readme = environment(templates).get_template("bundle.md.j2")
    texts = {
        README: readme.render(record=record, made=made, cited=cited, results=about),
        METADATA: json.dumps(
            _describe(record, made, cited, [*code, README], [*configuration], about),
            indent=1,
            ensure_ascii=False,
        ),
    }
    contents = code | configuration
    for _, files in results.values():
        contents |= files
    return _zipped(contents | {path: text.encode() for path, text in texts.items()})


def read_results(paths: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, Files]]:
    """Read the results in a study's files, by the names in RESULTS, as `pack` takes them.

    Those of FOLDERS are files of a folder, the others single files; a folder stands for its files,
    except for hidden ones.
    """
    found: dict[str, tuple[str, Files]] = {}
    for name, text in RESULTS.items():
        files: Files = {}
        for path in map(Path, paths[name]):
            inside = [it for it in path.iterdir() if it.suffix] if path.is_dir() else [path]
            files |= {_place(it): it.read_bytes() for it in sorted(inside)}
        if name in FOLDERS and files:
            found[f"{PurePosixPath(next(iter(files))).parent}/"] = text, files
        else:
            found |= {path: (text, {path: content}) for path, content in files.items()}
    return found


def _place(path: Path) -> str:
    """Return where a result belongs in the bundle: as in the working directory, or in report/."""
    outside = path.is_absolute() or ".." in path.parts
    return f"report/{path.name}" if outside else path.as_posix()


def _zipped(contents: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(path, date_time=EARLIEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


# ------------------------------------------------------------------------------------- metadata
def _describe(
    record: Mapping[str, Any],
    made: Mapping[str, Any],
    cited: Mapping[str, Any],
    code: Sequence[str],
    configuration: Sequence[str],
    results: Mapping[str, str],
) -> dict[str, Any]:
    """Return the content of ro-crate-metadata.json; `results` says what each result is."""
    crate, version = _Crate(version="1.1"), cited["version"] or record["code"]
    license_ = crate.named(f"https://spdx.org/licenses/{cited['license']}", cited["license"])
    authors = [crate.author(number, it) for number, it in enumerate(cited["people"], 1)]
    workflow = crate.add_workflow(
        None,
        WORKFLOW,
        main=True,
        lang="snakemake",
        lang_version=record["versions"]["snakemake"],
        properties={
            "name": cited["title"],
            "description": "The workflow of the study, from the data to the report",
            "version": version,
            "identifier": f"Digest of the code: {record['code']}",
            "url": cited["repository"] or PAGES["snakemake"],
            "license": license_,
            "creator": authors,
            "encodingFormat": "text/plain",
            "conformsTo": crate.named(BIOSCHEMAS.format("ComputationalWorkflow")),
            "softwareRequirements": [crate.software(*it) for it in record["versions"].items()],
        },
    )
    parts = {path: text for path, text in CODE.items() if any(it.startswith(path) for it in code)}
    for path, text in parts.items():
        crate.part(path, text)
    crate.get(README)["about"] = crate.root_dataset
    given = [crate.part(path, "A file of the configuration") for path in configuration]
    found = [crate.part(path, text) for path, text in results.items()]
    workflow["input"] = crate.parameter("configuration", crate.get(CONFIGURATION))
    workflow["output"] = crate.parameter("report", found[0])
    times = {"startTime": _time(made["first"]), "endTime": _time(made["last"])}
    run = crate.add_action(
        workflow,
        "#run",
        [*given, crate.data_set(record["data"])],
        found,
        {
            "name": f"Run of the study: {record['title']}",
            "description": (
                f"{made['trainings']} trainings and {made['experiments']} experiments in "
                f"{made['core_seconds']:.0f} core-seconds; start and end are those of the first "
                f"and the last of these jobs. Digest of the code: {record['code']}"
            ),
            "agent": authors[0],
            "actionStatus": "http://schema.org/CompletedActionStatus",
            **{key: time for key, time in times.items() if time},
        },
    )
    groups = [it for it in authors if it.type == "Organization"]
    about = {
        "name": record["title"],
        "description": (
            f"A study of classifiers on {record['data']['set']['name']}: report, tables, figures, "
            "and trained models, with the configuration and the code that made them and can make "
            "them again"
        ),
        "datePublished": times["endTime"] or "1980-01-01",
        "license": license_,
        "author": authors,
        "publisher": groups[0] if groups else None,
        "keywords": ", ".join(cited["keywords"]),
        "version": version,
        "url": cited["repository"],
        "mentions": run,
        "conformsTo": [crate.named(key, name) for key, name in PROFILES.items()],
    }
    for key, value in about.items():
        if value:
            crate.root_dataset[key] = value
    return crate.content()


def _time(recorded: str | None) -> str | None:
    """Write a time as the profiles recommend: 2024-03-01T12:00:00+00:00."""
    return recorded.replace("Z", "+00:00") if recorded else None


class _Crate(ROCrate):
    """The metadata of the bundle, and how its entities are made."""

    def named(self, key: str, name: str = "") -> Any:
        """Add a work that is known by its address."""
        about = {"@type": "CreativeWork", "name": name or key}
        if name in PROFILES.values():
            about["version"] = key.rpartition("/")[2]
        return self.add(ContextEntity(self, key, about))

    def author(self, number: int, known: Mapping[str, str]) -> Any:
        """Add an author of the citation: a person, or a group."""
        key = known.get("orcid") or known.get("website") or f"#author-{number}"
        names = {"given-names": "givenName", "family-names": "familyName"}
        about: dict[str, Any] = {name: known[it] for it, name in names.items() if it in known}
        about["name"] = known.get("name") or " ".join(about.values())
        about["@type"] = "Organization" if "name" in known else "Person"
        if "website" in known:
            about["url"] = known["website"]
        if "affiliation" in known:
            group = {"@type": "Organization", "name": known["affiliation"]}
            about["affiliation"] = self.add(ContextEntity(self, f"{key}-affiliation", group))
        return self.add(ContextEntity(self, key, about))

    def software(self, name: str, version: str) -> Any:
        """Add software with the version that made the results."""
        about = {"name": name, "softwareVersion": version, "url": PAGES[name]}
        return self.add(SoftwareApplication(self, f"{PAGES[name]}#{version}", about))

    def part(self, path: str, text: str) -> Any:
        """Add a file or, if its path ends with a slash, a folder."""
        if path.endswith("/"):
            return self.add_dataset(None, path, properties={"name": path, "description": text})
        kind = TYPES.get(PurePosixPath(path).suffix, "text/plain")
        about = {"name": path, "description": text, "encodingFormat": kind}
        return self.add_file(None, path, properties=about)

    def parameter(self, name: str, example: Any) -> Any:
        """Add an input or output of the workflow, with the file that it was in this run."""
        about = {"conformsTo": self.named(BIOSCHEMAS.format("FormalParameter"))}
        parameter = self.add_formal_parameter(name, "File", f"#{name}", properties=about)
        parameter["workExample"], example["exampleOfWork"] = example, parameter
        return parameter

    def data_set(self, data: Mapping[str, Any]) -> Any:
        """Add the data set, which is not in the bundle."""
        known, (rows, columns) = data["set"], data["shape"]
        about = {
            "@type": "CreativeWork",
            "name": known["name"],
            "description": (
                f"{data['train']['samples']} training images and {data['test']['samples']} test "
                f"images of {rows} by {columns} pixels in {len(data['classes'])} classes, which "
                f"are not in this bundle; SHA-256 of the content: {known['digest']}"
            ),
        }
        about |= {"license": known["license"]} if known["license"] else {}
        return self.add(ContextEntity(self, known["url"] or "#data", about))

    def content(self) -> dict[str, Any]:
        """Return the metadata; lists of one value become that value, as RO-Crate recommends."""
        content: dict[str, Any] = self.metadata.generate()
        for entity in content["@graph"]:
            for key, value in entity.items():
                if isinstance(value, list) and len(value) == 1:
                    entity[key] = value[0]
        return content
