"""The fixtures of all tests; the functions that they share are in the package `fixtures`.

`one_thread`    TensorFlow as a training job has it
`samples`       makes random images and labels
`coarse`        saved figures get tiny pictures
`open_report`   opens the made-up report (`report_file`) in Chromium (`browser`)
`shared_page`   the made-up report in one tab for all tests of a file
`data_folder`   the data set
`finished`      the tiny study, run without disturbance
`planner`       Snakemake for whatever runs no job
`tool`          finds a command of the packages in requirements/apt-test.txt
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported anywhere

import fcntl
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.pages import opening
from fixtures.workflow import Planner, clone, find_data, planning, snakemake
from playwright.sync_api import Browser, Page, expect, sync_playwright

import measure_page
from fmstudy.runtime import StudyError

Samples = tuple[np.ndarray, np.ndarray]

# Files that take long start first, so that no process ends long after the others (pytest -n 2).
# Those that open the made-up report follow each other: one process renders it for all.
FIRST = ("workflow", "figure_reading", "interaction", "page", "measure_page")
FIRST += ("hostile", "explorer_page", "engines", "pdf", "drawing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Saved figures get tiny pictures, which a test does not look at; all are closed in the end."""
    from matplotlib import pyplot as plt

    from fmstudy.figures import svg

    monkeypatch.setattr(svg, "DPI", 10)
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow as a training job has it: one thread, deterministic kernels."""
    from fmstudy.engines.device import prepare_device

    prepare_device(1)


@pytest.fixture(scope="session")
def samples() -> Callable[..., Samples]:
    """Makes x (784, n) float32 in [0, 1] and one-hot labels (10, n) float32, random by `seed`."""

    def make(n: int, seed: int = 0) -> Samples:
        random = np.random.default_rng([20, seed])
        x = random.uniform(0.0, 1.0, (784, n)) * (random.uniform(size=(784, n)) < 0.5)
        labels = np.eye(10)[:, random.integers(0, 10, n)]
        return x.astype(np.float32), labels.astype(np.float32)

    return make


# ------------------------------------------------------------------------ the report in Chromium
expect.set_options(timeout=60_000)  # in ms; who waits for what never comes has found a fault


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Leave out the whole page, thousands of lines, which Playwright adds to what it expected."""
    if call.excinfo and isinstance(call.excinfo.value, AssertionError):
        message, cut, _ = str(call.excinfo.value).partition("\nAria snapshot:\n")
        if cut:
            call.excinfo.value.args = (message,)
    return (yield)


@pytest.fixture(scope="session")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report as one HTML file: real templates and figures, made-up results (15 seconds)."""
    from fixtures import report

    return report.render(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; without one, every test that needs it fails and says so."""
    with sync_playwright() as playwright:
        try:
            chromium = measure_page.launch(playwright)
        except FileNotFoundError as error:
            pytest.fail(str(error), pytrace=False)
        yield chromium
        chromium.close()


@pytest.fixture
def open_report(browser: Browser, report_file: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page, offline, by default the made-up report on a screen of 1280 by 900.

    `open_report(path, width=390, fragment="sec-data", **context)`; `context` are options of
    Playwright's new_context such as color_scheme="dark" or java_script_enabled=False. The page
    comes back when it has settled. The test fails if a page asks for anything but itself, writes
    to the console, or has an error.
    """
    with opening(browser, report_file) as open_:
        yield open_


@pytest.fixture(scope="module")
def shared_page(browser: Browser, report_file: Path) -> Iterator[Page]:
    """The made-up report, opened once for all tests of a file that leave it as they found it."""
    with opening(browser, report_file) as open_:
        yield open_(reduced_motion="reduce")  # else it still moves while somebody points


@pytest.fixture
def report_page(open_report: Callable[..., Page]) -> Page:
    """The made-up report, freshly opened on a screen of 1280 by 900."""
    return open_report()


# ------------------------------------------------------------------------------- the workflow
@pytest.fixture(scope="session")
def data_folder(pytestconfig: pytest.Config) -> Path:
    """The four files of the data set, from the first of the study's sources that has them.

    They stay in .pytest_cache, so that nothing is downloaded twice.
    """
    try:
        return find_data(pytestconfig.rootpath / ".pytest_cache/fashion-mnist")
    except StudyError as error:
        pytest.fail(f"These tests need the data set.\n{error}", pytrace=False)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """A clone with its report built from the real data, one for all processes of the tests."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    study = folder / "finished"
    with open(folder / "finished.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not study.exists():
            clone(study, data_folder)
            done = snakemake(study, "--cores", "2", "report")
            assert done.returncode == 0, done.stdout + done.stderr
    return study


@pytest.fixture(scope="session")
def planner() -> Iterator[Planner]:
    """Snakemake for everything that runs no job, such as `planner.planned(directory)`."""
    with planning() as planner:
        yield planner


# ----------------------------------------------------------- commands of requirements/apt-test.txt
