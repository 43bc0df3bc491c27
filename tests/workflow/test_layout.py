"""The report shows the figures that the rules declare."""

from types import SimpleNamespace

from fmstudy.workflow.layout import Layout


def test_the_report_shows_each_declared_figure_for_the_given_values():
    layout = Layout(SimpleNamespace(directory="results/quick", report="report/quick.html"))
    assert layout.figure_files("data") == {
        "figure": "results/quick/figures/data.svg",
        "beside": ["results/quick/figures/data.png", "results/quick/figures/data.csv"],
    }
    names = {"summary": "sweep_{sweep}", "curves": "sweep_{sweep}_curves"}
    files = layout.figure_files(names, sweep=["width", "l2"])
    assert files["curves"] == "results/quick/figures/sweep_{sweep}_curves.svg"
    assert len(files["beside"]) == 4
    assert layout.shown == [
        *("data", "sweep_width", "sweep_l2"),
        *("sweep_width_curves", "sweep_l2_curves"),
    ]
