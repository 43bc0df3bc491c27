"""A whole report from made-up results, with the study's real templates, tables and figures."""

from pathlib import Path

from fabricated_figures import draw
from test_report import TEMPLATES, configured, fabricate

from fmstudy import report
from fmstudy import study as studies


def render(directory: Path) -> Path:
    """Write the page of the configured study to {directory}/report.html, and give its path.

    The tables it was rendered from lie in {directory}/tables, the figures in
    {directory}/figures.
    """
    config = configured()
    study, problems = studies.build(config)
    assert not problems
    given = fabricate(directory, config)
    draw(study, directory)
    page = directory / "report.html"
    page.write_text(report.render(TEMPLATES, report.load_context(**given)), encoding="utf-8")
    return page
