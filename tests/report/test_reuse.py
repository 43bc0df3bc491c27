"""The box on reuse: what it cites, and a recipe that makes exactly this study again."""

import base64
import copy
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures import REPOSITORY, as_windows_saves
from fixtures.report import configured

from fmstudy.report import reuse
from fmstudy.runtime import StudyError
from fmstudy.study import configuration, reader
from fmstudy.study.configuration import NAMING_FILES
from fmstudy.study.resolved import Resolved, resolve

CITATION = REPOSITORY / "CITATION.cff"


def described(config: dict, directory: Path = REPOSITORY) -> dict[str, Any]:
    files = [directory / config[group]["file"] for group in NAMING_FILES]
    return reuse.describe(config, CITATION, files, "fashion-mnist")


def unpack(described: dict[str, Any], directory: Path) -> None:
    packed = base64.b64decode(described["archive"].removeprefix("data:application/x-xz;base64,"))
    assert len(packed) == described["size"]
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    shutil.copytree(directory / described["folder"], directory, dirs_exist_ok=True)
    shutil.rmtree(directory / described["folder"])


def resolved(directory: Path, config: dict | None = None) -> Resolved:
    """The study of a folder, from its config/config.yaml."""
    config = config or reader.read(directory / "config/config.yaml")[0]

    def find(path: str) -> str:
        return str(directory / path if (directory / path).exists() else REPOSITORY / path)

    return resolve(config, configuration.Origins(), find)


def without_a_comparison(config: dict, directory: Path) -> None:
    del config["comparisons"]["bn-keras"]
    config["seeds"] = [7, 8]
    config["models"]["B-L2"]["delta"] = 1.0e-7


def with_files_elsewhere(config: dict, directory: Path) -> None:
    """Claims outside the folder, and other published numbers, both changed."""
    claims = directory.parent / "mine/claims.yaml"
    claims.parent.mkdir()
    text = (REPOSITORY / "config/claims.yaml").read_text(encoding="utf-8")
    claims.write_text(text.replace("about: 0.8\n", "about: 0.75\n"), encoding="utf-8")
    config["claims"]["file"] = str(claims)
    published = directory / "config/published.csv"
    edited = published.read_text(encoding="utf-8").replace("0.58843166", "0.58")
    published.write_text(edited, encoding="utf-8")
    shutil.move(directory / "config/batchnorm.yaml", directory.parent / "bn.yaml")
    config["batchnorm"]["file"] = "../bn.yaml"


@pytest.mark.parametrize("change", [without_a_comparison, with_files_elsewhere])
def test_the_archive_makes_the_same_study_in_a_fresh_copy(
    tmp_path: Path, change: Callable[[dict, Path], None]
):
    """Also what the default configuration has and this study has not is gone."""
    original, fresh = tmp_path / "one/study", tmp_path / "two/study"
    for directory in (original, fresh):
        shutil.copytree(REPOSITORY / "config", directory / "config")
    config = configured()
    change(config, original)
    unpack(described(config, original), fresh)
    expected, found = resolved(original, config), resolved(fresh)
    assert found._replace(study=None) == expected._replace(study=None)
    for part in ("models", "comparisons", "sweeps", "noise", "trainings"):
        assert getattr(found.study, part) == getattr(expected.study, part)
    assert found != resolved(REPOSITORY)


def test_the_archive_has_all_code_of_the_repository_and_nothing_else(tmp_path: Path):
    """All that git knows, except for tests, documents, and settings that other files replace."""
    unpack(described(configured()), tmp_path)
    found = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    left_out = ("tests/", "docs/", "mkdocs", "requirements/", "config/", ".", "CHANGELOG")
    left_out += ("CONTRIBUTING", "Dockerfile")
    assert {it for it in found if not it.startswith(left_out)} == {
        it for it in listed if not it.startswith(left_out)
    }
    assert found <= {*listed} - {"requirements/gpu.txt"}
    for name in found - {"config/config.yaml"}:
        assert (tmp_path / name).read_bytes() == (REPOSITORY / name).read_bytes()


def test_a_study_on_a_gpu_packs_the_packages_that_it_needs_there(tmp_path: Path):
    unpack(described(configured() | {"device": "gpu"}), tmp_path)
    packed = {path.stem for path in (tmp_path / "requirements").iterdir()}
    assert packed == {"apt", "study", "uv", "gpu"}


def test_the_configuration_survives_the_archive(tmp_path: Path):
    config = configured() | {"title": 'Ünïcode: "quoted" {braces} #no comment'}
    config["models"]["B-L1"]["delta"] = 1e-05
    unpack(described(config), tmp_path)
    text = (tmp_path / "config/config.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == config
    assert text == described(config)["config"]


def test_files_saved_on_windows_make_the_same_study_and_archive(tmp_path: Path):
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    for path in filter(Path.is_file, (tmp_path / "config").rglob("*")):
        path.write_bytes(as_windows_saves(path.read_bytes()))
    expected, found = resolved(REPOSITORY), resolved(tmp_path)
    assert found._replace(study=None) == expected._replace(study=None)
    assert found.study.trainings == expected.study.trainings
    assert described(configured(), tmp_path) == described(configured())


def test_the_same_study_gives_the_same_archive_and_stays_as_it_is():
    config = configured()
    before = copy.deepcopy(config)
    assert described(config) == described(config)
    assert config == before


def test_a_citation_has_all_that_its_file_has(tmp_path: Path):
    cited = {"title": "A study of 100 % & more", "version": "1.2", "license": "MIT"}
    cited |= {"repository-code": "https://example.org/study", "date-released": "2026-03-01"}
    people = [{"family-names": "Doe", "given-names": "Jo"}, {"name": "The Group"}]
    path = tmp_path / "CITATION.cff"
    path.write_text(yaml.safe_dump(cited | {"authors": people}), encoding="utf-8")
    files = [REPOSITORY / configured()[group]["file"] for group in NAMING_FILES]
    found = reuse.describe(configured(), path, files, "fashion-mnist")
    assert found["authors"] == ["Jo Doe", "The Group"]
    assert (found["year"], found["repository"]) == ("2026", "https://example.org/study")
    assert found["bibtex"].splitlines() == [
        "@software{study,",
        '  author = "{Jo Doe} and {The Group}",',
        r'  title = "{A study of 100 \% \& more}",',
        '  version = "1.2",',
        '  year = "2026",',
        '  url = "https://example.org/study",',
        "}",
    ]


def test_the_citation_of_this_repository_is_complete():
    found = described(configured())
    assert found["title"] in found["bibtex"] and found["license"] == "MIT"
    assert found["version"] and all(found["authors"])


def test_a_file_that_is_no_citation_is_named(tmp_path: Path):
    broken = tmp_path / "CITATION.cff"
    for text in ("title: no authors\n", "title: none\nauthors: []\n"):
        broken.write_text(text, encoding="utf-8")
        with pytest.raises(StudyError, match=r"CITATION\.cff: not a citation file"):
            reuse.describe(configured(), broken, [], "fashion-mnist")


def test_a_version_without_quotes_is_text(tmp_path: Path):
    path = tmp_path / "CITATION.cff"
    path.write_text("title: 12\nversion: 1.0\nauthors: [{name: Jo}]\nkeywords:\n", encoding="utf-8")
    found = reuse.read_citation(path)
    assert (found["title"], found["version"], found["keywords"]) == ("12", "1.0", [])
