"""The report shows the figures that the rules declare."""

from dataclasses import replace
from types import SimpleNamespace

from fmstudy.data.sets import FASHION_MNIST
from fmstudy.workflow.layout import Layout

STUDY = SimpleNamespace(
    directory="results/quick", report="report/quick.html", data_set=FASHION_MNIST
)


def test_the_report_shows_each_declared_figure_for_the_given_values():
    layout = Layout(STUDY)
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
    layout = Layout(STUDY)
    models = [SimpleNamespace(run="mlp-5", seeds=[1, 2]), SimpleNamespace(run="mlp-5", seeds=[1])]
    files = layout.run_files(models, "weights")
    folders = [f"results/quick/runs/mlp-5/seed-{seed}" for seed in (1, 2)]
    kinds = ("metrics.json", "history.csv", "predictions.npy", "provenance.json", "weights.npz")
    assert files == [
        *(f"{folder}/{kind}" for kind in kinds for folder in folders),
        *("results/data/fashion-mnist/y_test.npy", "results/data/fashion-mnist/summary.json"),
    ]


def test_studies_share_a_ready_made_data_set_but_not_a_folder_of_ones_own():
    assert Layout(STUDY).tensors["x_train"] == "results/data/fashion-mnist/x_train.npy"
    own = SimpleNamespace(**vars(STUDY) | {"data_set": replace(FASHION_MNIST, own=object())})
    assert Layout(own).tensors["summary"] == "results/quick/data/summary.json"
