"""The paths of the study's files, and the files of its targets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from fmstudy.study.experiments import EXPERIMENTS, figures_of
from fmstudy.study.plan import Model, Study
from fmstudy.study.spec import SECTIONS

DATA = "results/data"  # shared by all studies
TENSORS = {name: f"{DATA}/{name}.npy" for name in ("x_train", "y_train", "x_test", "y_test")}
TRAINING_FILES = {
    "history": "history.csv",
    "metrics": "metrics.json",
    "predictions": "predictions.npy",
    "weights": "weights.npz",
    "provenance": "provenance.json",
}
# Error analysis: tables and figures of all models together, and figures of one model.
OVERALL_ERRORS = ("calibration", "agreement", "hardest", "duplicates")
MODEL_ERRORS = ("confusion", "calibration", "mistakes")


class Layout:
    """The paths of a study's files.

    directory, logs, tables, figures   folders, without a trailing slash
    run, experiment, noise             folders of one seed's training or experiment, with wildcards
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.directory = study.directory
        self.logs = study.directory.replace("results", "logs", 1)
        self.tables = f"{self.directory}/tables"
        self.figures = f"{self.directory}/figures"
        self.run = f"{self.directory}/runs/{{run}}/seed-{{seed}}"
        self.experiment = f"{self.directory}/batchnorm/{{experiment}}"
        self.noise = f"{self.directory}/noise/seed-{{seed}}"
        self.neighbors = f"{self.directory}/data/neighbors.csv"  # depends on the images used
        self.explorer = f"{self.directory}/explorer.json.gz"
        self.pdf = str(Path(study.report).with_suffix(".pdf"))

    # ------------------------------------------------------------------------------- paths
    def table(self, name: str) -> str:
        """Return the path of a table."""
        return f"{self.tables}/{name}.csv"

    def figure(self, name: str) -> str:
        """Return the path of a figure."""
        return f"{self.figures}/{name}.svg"

    def figure_files(self, name: str) -> dict[str, str]:
        """Return the files of a figure: SVG for pages, PNG, and its values as CSV."""
        files = {"figure": "svg", "picture": "png", "data": "csv"}
        return {file: f"{self.figures}/{name}.{ending}" for file, ending in files.items()}

    def figure_set_files(self, **names: str) -> dict[str, str | list[str]]:
        """Return the files of several figures in one job: each SVG by its name, and the others."""
        beside = [f"{self.figures}/{it}.{end}" for it in names.values() for end in ("png", "csv")]
        return {key: self.figure(name) for key, name in names.items()} | {"beside": beside}

    def training_files(self) -> dict[str, str]:
        """Return the files of a training, with wildcards."""
        return {kind: f"{self.run}/{file}" for kind, file in TRAINING_FILES.items()}

    def run_files(self, models: Iterable[Model], *kinds: str) -> list[str]:
        """Return the distinct files of these kinds from all trainings of the models."""
        trainings = [(model.run, seed) for model in models for seed in model.seeds]
        paths = (
            f"{self.run.format(run=run, seed=seed)}/{TRAINING_FILES[kind]}"
            for kind in kinds
            for run, seed in trainings
        )
        return list(dict.fromkeys(paths))

    def experiment_files(self, experiment: str, file: str) -> list[str]:
        """Return the paths of this file for each seed of an experiment."""
        place = self.experiment.format(experiment=experiment)
        return [f"{place}/seed-{seed}/{file}" for seed in self.study.batchnorm.seeds]

    def noise_files(self, file: str) -> list[str]:
        """Return the paths of this file for each seed of the trainings on sources of noise."""
        return [f"{self.noise.format(seed=seed)}/{file}" for seed in self.study.noise.seeds]

    def required_results(self, experiment: str) -> dict[str, list[str]]:
        """Return the results that an experiment requires, if any."""
        after = EXPERIMENTS[experiment].after
        return {"rates": self.experiment_files(after, "results.csv")} if after else {}

    def experiment_tables(self, name: str) -> dict[str, str]:
        """Return the tables of an experiment: results, times, quantities, and predictions."""
        kinds = {kind: f"bn_{name}_{kind}" for kind in ("times", "quantities", "predictions")}
        return {kind: self.table(it) for kind, it in ({"table": f"bn_{name}"} | kinds).items()}

    # ----------------------------------------------------------------------------- targets
    @property
    def figure_experiments(self) -> dict[str, str]:
        """The experiment of each experiment figure."""
        experiments = self.study.batchnorm.settings
        return {figure: name for name in experiments for figure in figures_of(name)}

    @property
    def linear_models(self) -> list[str]:
        """The models with a single layer, whose weights can be drawn as one image per class."""
        return [name for name, model in self.study.models.items() if not model.spec.hidden]

    def experiment_results(self, name: str) -> list[str]:
        """Return the tables and figures of an experiment."""
        kinds = ("", "_quantities", "_predictions")
        return [
            *(self.table(f"bn_{name}{kind}") for kind in kinds),
            *(self.figure(f"bn_{shown}") for shown in figures_of(name)),
        ]

    def noise_results(self) -> list[str]:
        """Return the table and figure of sources of noise, if the study has them."""
        return [self.table("noise"), self.figure("noise")] if self.study.noise.seeds else []

    def sweep_results(self, name: str) -> list[str]:
        """Return the table and figures of a sweep."""
        figures = (f"sweep_{name}", f"sweep_{name}_curves")
        return [self.table(f"sweep_{name}"), *map(self.figure, figures)]

    def section_results(self, section: str) -> list[str]:
        """Return the table and figures of a section's models, sweeps and comparisons."""
        study = self.study
        return [
            self.table(section),
            *(self.figure(f"curves_{model.name}") for model in study.section(section)),
            *(
                path
                for name, sweep in study.sweeps.items()
                if sweep.section == section
                for path in self.sweep_results(name)
            ),
            *(
                self.figure(f"compare_{name}")
                for name, comparison in study.comparisons.items()
                if comparison.section == section
            ),
        ]

    def error_tables(self, models: Iterable[Model]) -> list[str]:
        """Return the error analysis tables of all models, and those of these models."""
        names = (*OVERALL_ERRORS, "similarity", *(f"classes_{model.name}" for model in models))
        return [self.table(name) for name in names]

    def error_figures(self, models: Collection[Model]) -> list[str]:
        """Return the error analysis figures of all models, and those of these models."""
        names = [
            *("classes", *OVERALL_ERRORS),
            *(f"{kind}_{model.name}" for model in models for kind in MODEL_ERRORS),
            *(f"weights_{model.name}" for model in models if model.name in self.linear_models),
        ]
        return [self.figure(name) for name in names]

    def all_tables(self) -> list[str]:
        """Return every table of the report, in order."""
        study = self.study
        names = [
            *(*SECTIONS, "depth", "epochs", *(f"sweep_{sweep}" for sweep in study.sweeps)),
            *("weights", "gaps", "intervals", "comparisons", "ledger", "claims", "statistics"),
            *("runs", "cost", "machine", "engines"),
            *(f"bn_{name}_quantities" for name in study.batchnorm.settings),
            *("bn_predictions", "bn_claims", "bn_costs", "bn_equality"),
            *(("noise", "noise_costs") if study.noise.seeds else ()),
        ]
        return [*map(self.table, names), *self.error_tables(study.errors.models)]

    def all_figures(self) -> list[str]:
        """Return every figure of the report, in order."""
        study = self.study
        names = [
            *("data", "models", *(f"curves_{model}" for model in study.models)),
            *("epochs", "depth", "weights"),
            *(("noise",) if study.noise.seeds else ()),
            *(f"sweep_{sweep}{kind}" for sweep in study.sweeps for kind in ("", "_curves")),
            *(f"compare_{comparison}" for comparison in study.comparisons),
            *(*(f"bn_{shown}" for shown in self.figure_experiments), "bn_network", "workflow"),
        ]
        return [*map(self.figure, names), *self.error_figures(study.errors.models)]
