"""Where the study's files lie, and which of them its targets consist of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from fmstudy.study.experiments import EXPERIMENTS, figures_of
from fmstudy.study.plan import Model, Study
from fmstudy.study.spec import SECTIONS

DATA = "results/data"  # the same for every study
TENSORS = {name: f"{DATA}/{name}.npy" for name in ("x_train", "y_train", "x_test", "y_test")}
TRAINED = {  # what a training leaves
    "history": "history.csv",
    "metrics": "metrics.json",
    "predictions": "predictions.npy",
    "weights": "weights.npz",
    "provenance": "provenance.json",
}
# Of the closer look: tables and figures of all models together, and figures of one model.
OF_ALL = ("calibration", "agreement", "hardest", "duplicates")
OF_ONE = ("confusion", "calibration", "mistakes")


class Layout:
    """The paths of a study's files, by what they hold.

    directory, logs, tables, figures   folders, without a slash at the end
    run, experiment                    folders of a training and of an experiment, with wildcards
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.directory = study.directory
        self.logs = study.directory.replace("results", "logs", 1)
        self.tables = f"{self.directory}/tables"
        self.figures = f"{self.directory}/figures"
        self.run = f"{self.directory}/runs/{{run}}/seed-{{seed}}"
        self.experiment = f"{self.directory}/batchnorm/{{experiment}}"
        self.neighbors = f"{self.directory}/data/neighbors.csv"  # of the images that it uses
        self.explorer = f"{self.directory}/explorer.json.gz"
        self.pdf = str(Path(study.report).with_suffix(".pdf"))

    # ------------------------------------------------------------------------------- paths
    def table(self, name: str) -> str:
        """The path of a table."""
        return f"{self.tables}/{name}.csv"

    def figure(self, name: str) -> str:
        """The path of a figure."""
        return f"{self.figures}/{name}.svg"

    def figure_files(self, name: str) -> dict[str, str]:
        """What is written of a figure: for pages, for elsewhere, and the values that it shows."""
        files = {"figure": "svg", "picture": "png", "data": "csv"}
        return {file: f"{self.figures}/{name}.{ending}" for file, ending in files.items()}

    def files_of_figures(self, **names: str) -> dict[str, str | list[str]]:
        """What one job writes of several figures: each SVG by its name, the rest beside."""
        beside = [f"{self.figures}/{it}.{end}" for it in names.values() for end in ("png", "csv")]
        return {key: self.figure(name) for key, name in names.items()} | {"beside": beside}

    def trained(self) -> dict[str, str]:
        """The files of a training, with wildcards."""
        return {kind: f"{self.run}/{file}" for kind, file in TRAINED.items()}

    def of_runs(self, models: Iterable[Model], *kinds: str) -> list[str]:
        """The files of these kinds that every training of the models leaves, none twice."""
        trainings = [(model.run, seed) for model in models for seed in model.seeds]
        paths = (
            f"{self.run.format(run=run, seed=seed)}/{TRAINED[kind]}"
            for kind in kinds
            for run, seed in trainings
        )
        return list(dict.fromkeys(paths))

    def of_experiment(self, experiment: str, file: str) -> list[str]:
        """The file that each seed of an experiment leaves under this name."""
        place = self.experiment.format(experiment=experiment)
        return [f"{place}/seed-{seed}/{file}" for seed in self.study.batchnorm.seeds]

    def needed_first(self, experiment: str) -> dict[str, list[str]]:
        """The results that an experiment starts from, if it does from any."""
        after = EXPERIMENTS[experiment].after
        return {"rates": self.of_experiment(after, "results.csv")} if after else {}

    def tables_of_experiment(self, name: str) -> dict[str, str]:
        """The tables of an experiment: results, times, quantities, and predictions."""
        kinds = {kind: f"bn_{name}_{kind}" for kind in ("times", "quantities", "predictions")}
        return {kind: self.table(it) for kind, it in ({"table": f"bn_{name}"} | kinds).items()}

    # ----------------------------------------------------------------------------- targets
    @property
    def experiment_of(self) -> dict[str, str]:
        """The experiment that each figure of the experiments shows."""
        experiments = self.study.batchnorm.settings
        return {figure: name for name in experiments for figure in figures_of(name)}

    @property
    def linear(self) -> list[str]:
        """The models whose one layer of weights can be drawn as a picture for each class."""
        return [name for name, model in self.study.models.items() if not model.spec.hidden]

    def results_of_experiment(self, name: str) -> list[str]:
        """Tables and figures of an experiment."""
        kinds = ("", "_quantities", "_predictions")
        return [
            *(self.table(f"bn_{name}{kind}") for kind in kinds),
            *(self.figure(f"bn_{shown}") for shown in figures_of(name)),
        ]

    def results_of_sweep(self, name: str) -> list[str]:
        """Table and figures of a sweep."""
        figures = (f"sweep_{name}", f"sweep_{name}_curves")
        return [self.table(f"sweep_{name}"), *map(self.figure, figures)]

    def results_of_section(self, section: str) -> list[str]:
        """Table and figures of a section's models, sweeps and comparisons."""
        study = self.study
        return [
            self.table(section),
            *(self.figure(f"curves_{model.name}") for model in study.section(section)),
            *(
                path
                for name, sweep in study.sweeps.items()
                if sweep.section == section
                for path in self.results_of_sweep(name)
            ),
            *(
                self.figure(f"compare_{name}")
                for name, comparison in study.comparisons.items()
                if comparison.section == section
            ),
        ]

    def tables_of_errors(self, models: Iterable[Model]) -> list[str]:
        """The tables of what all models get wrong, and those of these models by themselves."""
        names = (*OF_ALL, "similarity", *(f"classes_{model.name}" for model in models))
        return [self.table(name) for name in names]

    def figures_of_errors(self, models: Collection[Model]) -> list[str]:
        """The figures of what all models get wrong, and those of these models by themselves."""
        names = [
            *("classes", *OF_ALL),
            *(f"{kind}_{model.name}" for model in models for kind in OF_ONE),
            *(f"weights_{model.name}" for model in models if model.name in self.linear),
        ]
        return [self.figure(name) for name in names]

    def all_tables(self) -> list[str]:
        """Every table of the report, in its order."""
        study = self.study
        names = [
            *(*SECTIONS, "depth", "epochs", *(f"sweep_{sweep}" for sweep in study.sweeps)),
            *("weights", "gaps", "intervals", "comparisons", "ledger", "claims", "statistics"),
            *("runs", "cost", "machine", "engines"),
            *(f"bn_{name}_quantities" for name in study.batchnorm.settings),
            *("bn_predictions", "bn_claims", "bn_costs", "bn_equality"),
        ]
        return [*map(self.table, names), *self.tables_of_errors(study.closer.models)]

    def all_figures(self) -> list[str]:
        """Every figure of the report, in its order."""
        study = self.study
        names = [
            *("data", "models", *(f"curves_{model}" for model in study.models)),
            *("epochs", "depth", "weights"),
            *(f"sweep_{sweep}{kind}" for sweep in study.sweeps for kind in ("", "_curves")),
            *(f"compare_{comparison}" for comparison in study.comparisons),
            *(*(f"bn_{shown}" for shown in self.experiment_of), "bn_network", "workflow"),
        ]
        return [*map(self.figure, names), *self.figures_of_errors(study.closer.models)]
