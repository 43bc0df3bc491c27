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


def test_a_job_that_uses_a_training_gets_whatever_verifies_it():
    layout = Layout(SimpleNamespace(directory="results/quick", report="report/quick.html"))
    models = [SimpleNamespace(run="mlp-5", seeds=[1, 2]), SimpleNamespace(run="mlp-5", seeds=[1])]
    files = layout.run_files(models, "weights")
    folders = [f"results/quick/runs/mlp-5/seed-{seed}" for seed in (1, 2)]
    kinds = ("metrics.json", "history.csv", "predictions.npy", "provenance.json", "weights.npz")
    assert files == [
        *(f"{folder}/{kind}" for kind in kinds for folder in folders),
        *("results/data/fashion-mnist/y_test.npy", "results/data/fashion-mnist/summary.json"),
    ]
