"""The bundle: valid for the profile of workflow runs, complete, and the same bytes each time."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from fixtures import crates
from fixtures.hostile import HOSTILE

from fmstudy import runtime
from fmstudy.exports import bundle
from fmstudy.runtime import StudyError


def entries(packed: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(packed))


def graph(packed: bytes) -> dict[str, dict]:
    """The entities of a bundle's metadata, by their identifiers."""
    content = json.loads(entries(packed).read(bundle.METADATA))
    found = {it["@id"]: it for it in content["@graph"]}
    assert len(found) == len(content["@graph"])
    return found


def test_the_validator_finds_all_that_is_required_and_recommended(tmp_path: Path):
    """For a person, it would also want an address of the university, which CITATION.cff lacks."""
    cited = crates.citation()
    packed = crates.packed(cited=cited | {"people": cited["people"][:1]})
    (tmp_path / "bundle.zip").write_bytes(packed)
    done = crates.validate(tmp_path / "bundle.zip", tmp_path, "recommended")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid" in done.stdout


def test_the_validator_finds_what_is_missing(tmp_path: Path):
    """So that the test above is not passed by anything."""
    packed = entries(crates.packed())
    (tmp_path / "crate").mkdir()
    packed.extractall(tmp_path / "crate")
    path = tmp_path / "crate" / bundle.METADATA
    content = json.loads(path.read_text())
    content["@graph"] = [it for it in content["@graph"] if it["@id"] != "#run"]
    path.write_text(json.dumps(content))
    done = crates.validate(tmp_path / "crate", tmp_path, "required")
    assert done.returncode == 1
    assert "CreateAction" in done.stdout


def test_the_metadata_say_what_ran_when_with_what_and_by_whom():
    found = graph(crates.packed())
    root, run, workflow = found["./"], found["#run"], found["Snakefile"]
    assert root["name"] == f"A study {HOSTILE}"
    assert root["license"] == workflow["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert root["datePublished"] == run["endTime"] == "2024-03-01T12:00:00+00:00"
    assert run["startTime"] == "2024-03-01T11:00:00+00:00"
    assert run["instrument"] == root["mainEntity"] == {"@id": "Snakefile"}
    assert run["object"] == [{"@id": "config/config.yaml"}, {"@id": found_data(found)}]
    assert run["result"] == [{"@id": path} for path in crates.RESULTS]
    assert [found[it["@id"]]["@type"] for it in root["author"]] == ["Organization", "Person"]
    person = found["https://orcid.org/0000-0001-2345-6789"]
    assert person["name"] == "Jo Doe"
    assert found[person["affiliation"]["@id"]]["name"] == "A university"
    [language] = [it for it in found.values() if it["@type"] == "ComputerLanguage"]
    assert (language["name"], language["version"]) == ("Snakemake", "1.2.3")
    software = [it for it in found.values() if it["@type"] == "SoftwareApplication"]
    assert {(it["name"], it["softwareVersion"]) for it in software} >= {("tensorflow", "1.2.3")}
    assert root["keywords"].startswith("Fashion-MNIST, ")
    listed = {it["@id"] for it in root["hasPart"]}
    assert listed >= {"README.md", "LICENSE", "scripts/", "report/final.html", "config/config.yaml"}


def found_data(found: dict[str, dict]) -> str:
    [key] = [key for key, it in found.items() if it.get("name") == "Fashion-MNIST"]
    assert found[key]["license"] == "MIT" and "60000 training images" in found[key]["description"]
    return key


def test_a_study_without_jobs_or_version_or_license_of_its_images():
    made = crates.MADE | {"first": None, "last": None, "core_seconds": 0.0, "trainings": 0}
    data = crates.summary() | {"set": crates.summary()["set"] | {"license": "", "url": ""}}
    cited = crates.citation(version=None, repository=None)
    found = graph(crates.packed(made=made, record=crates.record() | {"data": data}, cited=cited))
    assert "startTime" not in found["#run"] and "endTime" not in found["#run"]
    assert "license" not in found["#data"]
    assert found["./"]["version"] == found["Snakefile"]["version"] == "c0de"


def test_a_bundle_holds_everything_once_and_has_the_same_bytes_each_time():
    packed = crates.packed()
    assert packed == crates.packed()
    with entries(packed) as archive:
        names = archive.namelist()
        assert len(set(names)) == len(names)
        expected = {*crates.CODE, "config/config.yaml", bundle.METADATA}
        assert set(names) == expected | {"report/final.html", "results/tables/part_a.csv"}
        assert {it.date_time for it in archive.infolist()} == {runtime.EARLIEST}
        readme = archive.read("README.md").decode()
    assert "of the code" not in readme and "make report" in readme
    assert "[results/tables/](results/tables/) | Tables |" in readme


def test_the_configuration_of_the_study_replaces_that_of_the_code():
    code = crates.CODE | {"config/config.yaml": b"title: Another study\n"}
    with entries(crates.packed(code=code)) as archive:
        assert archive.read("config/config.yaml") == b"title: A study\n"


def test_a_bundle_without_a_license_is_refused():
    with pytest.raises(StudyError, match=r"CITATION\.cff: .* Add a line such as license: MIT"):
        crates.packed(cited=crates.citation(license=None))


def test_results_keep_their_places_and_folders_stand_for_their_files(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("report/a.html", "r/t/x.csv", "r/e/m.onnx", "r/e/.snakemake_timestamp", "s.json"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)
    outside = tmp_path / "elsewhere.pdf"
    outside.write_text("pdf")
    paths = {"page": ["report/a.html"], "pdf": [str(outside)], "tables": ["r/t/x.csv"]}
    paths |= {"exports": ["r/e"], "record": ["s.json"], "figures": [], "playground": []}
    found = bundle.read_results(paths | {"summary": []})
    assert {path: [*files] for path, (_, files) in found.items()} == {
        "report/a.html": ["report/a.html"],
        "report/elsewhere.pdf": ["report/elsewhere.pdf"],
        "r/t/": ["r/t/x.csv"],
        "r/e/": ["r/e/m.onnx"],
        "s.json": ["s.json"],
    }
    assert found["report/elsewhere.pdf"][1]["report/elsewhere.pdf"] == b"pdf"
