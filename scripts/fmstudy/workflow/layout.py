"""The paths of the study's files, and the files of its targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path

from fmstudy.study.experiments import EXPERIMENTS, figures_of
from fmstudy.study.plan import Model, Study
from fmstudy.study.shown import by_depth, curves_shown_by
from fmstudy.study.spec import SECTIONS

TRAINING_FILES = {
    "history": "history.csv",
    "metrics": "metrics.json",
    "predictions": "predictions.npy",
    "weights": "weights.npz",
    "provenance": "provenance.json",
}
# The tables and figures of the configuration's optional groups.
TABLES = {
    **{group: (group,) for group in ("depth", "epochs", "weights", "comparisons", "claims")},
    "published": ("ledger", "strengths"),
    "checks": ("statistics", "power", "engines"),
    "batchnorm": ("bn_predictions", "bn_claims", "bn_costs", "bn_equality"),
    "noise": ("noise", "noise_costs"),
    "playground": ("playground",),
}
FIGURES = {group: (group,) for group in ("epochs", "weights", "noise")}
FIGURES["batchnorm"] = ("bn_network",)
# What trainings are verified with before a job uses any of their files.
VERIFIED = ("metrics", "history", "predictions", "provenance")


class Layout:
    """The paths of a study's files.

    directory, logs, tables, figures   folders, without a trailing slash
    data, tensors                      the folder of the data set's tensors, and their paths
    exports                            the folder of the models' files
    run, experiment, noise             folders of one seed's training or experiment, with wildcards
    shown                              names of the report's figures, as rules declare them
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.directory = study.directory
        own, key = study.data_set.own, study.data_set.key
        # Ready-made data sets are shared by all studies.
        self.data = f"{study.directory}/data" if own else f"results/data/{key}"
        names = ("x_train", "y_train", "x_test", "y_test")
        self.tensors = {name: f"{self.data}/{name}.npy" for name in names}
        self.tensors["summary"] = f"{self.data}/summary.json"  # has the digests of the tensors
        self.logs = study.directory.replace("results", "logs", 1)
        self.tables = f"{self.directory}/tables"
        self.figures = f"{self.directory}/figures"
        self.run = f"{self.directory}/runs/{{run}}/seed-{{seed}}"
        self.experiment = f"{self.directory}/batchnorm/{{experiment}}"
        self.noise = f"{self.directory}/noise/seed-{{seed}}"
        self.neighbors = f"{self.directory}/data/neighbors.csv"  # depends on the images used
        self.explorer = f"{self.directory}/explorer.json.gz"
        self.playground = f"{self.directory}/playground.npz"
        self.exports = f"{self.directory}/exports"
        self.bundle = f"{self.directory}/bundle.zip"
        self.record = f"{self.directory}/study.json"  # what the results are of, for comparisons
        self.pdf = str(Path(study.report).with_suffix(".pdf"))
        self.shown: list[str] = []

    def table(self, name: str) -> str:
        """Return the path of a table."""
        return f"{self.tables}/{name}.csv"

    def figure(self, name: str) -> str:
        """Return the path of a figure."""
        return f"{self.figures}/{name}.svg"

    def figure_files(
        self, names: str | Mapping[str, str], **shown: Iterable[str]
    ) -> dict[str, str | list[str]]:
        """Declare the figures of a rule: one name, or several by the output that they become.

        Returns the SVG of each figure, and `beside`: PNG and values as CSV.  `shown` has, for each
        wildcard in the names, the values whose figures the report shows.
        """
        named = {"figure": names} if isinstance(names, str) else names
        for name in named.values():
            for values in product(*shown.values()):
                self.shown.append(name.format(**dict(zip(shown, values, strict=True))))
        beside = [f"{self.figures}/{it}.{end}" for it in named.values() for end in ("png", "csv")]
        return {key: self.figure(name) for key, name in named.items()} | {"beside": beside}

    def training_files(self) -> dict[str, str]:
        """Return the files of a training, with wildcards."""
        return {kind: f"{self.run}/{file}" for kind, file in TRAINING_FILES.items()}

    def run_files(self, models: Iterable[Model], *kinds: str) -> list[str]:
        """Return the distinct files of all trainings of the models that a job with `runs` needs.

        These are the files of the given kinds and those that the trainings are verified with, then
        the test labels and the summary with their digests.
        """
        trainings = [(model.run, seed) for model in models for seed in model.seeds]
        folders = [self.run.format(run=run, seed=seed) for run, seed in trainings]
        files = [TRAINING_FILES[kind] for kind in (*VERIFIED, *kinds)]
        paths = (f"{folder}/{file}" for file in files for folder in folders)
        return [*dict.fromkeys(paths), self.tensors["y_test"], self.tensors["summary"]]

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
        others = ("times", "quantities", "predictions")
        tables = {kind: self.table(f"bn_{name}_{kind}") for kind in others}
        return {"table": self.table(f"bn_{name}")} | tables

    # The files of targets.
    @property
    def figure_experiments(self) -> dict[str, str]:
        """The experiment of each experiment figure."""
        experiments = self.study.batchnorm.settings
        return {figure: name for name in experiments for figure in figures_of(name)}

    @staticmethod
    def linear(models: Iterable[Model]) -> list[str]:
        """Return the models with a single layer, whose weights are drawn as one image per class."""
        return [model.name for model in models if not model.spec.hidden]

    def experiment_results(self, name: str) -> list[str]:
        """Return the tables and figures of an experiment."""
        kinds = ("", "_quantities", "_predictions")
        return [
            *(self.table(f"bn_{name}{kind}") for kind in kinds),
            *(self.figure(f"bn_{shown}") for shown in figures_of(name)),
        ]

    def group_results(self, *groups: str) -> list[str]:
        """Return the tables and figures of those of these groups that the study has."""
        figures = FIGURES | {"depth": tuple(by_depth(self.study))}
        return [
            path
            for group in groups
            if self.study.has(group)
            for path in (
                *map(self.table, TABLES[group]),
                *map(self.figure, figures.get(group, ())),
            )
        ]

    def sweep_results(self, name: str) -> list[str]:
        """Return the table and figures of a sweep."""
        figures = [f"sweep_{name}", f"sweep_{name}_curves"]
        if name in self.study.grids:  # too many lines for a figure of curves
            figures = figures[:1]
        return [self.table(f"sweep_{name}"), *map(self.figure, figures)]

    @property
    def sections(self) -> list[str]:
        """The sections that have models."""
        return [name for name in SECTIONS if self.study.section(name)]

    def section_results(self, section: str) -> list[str]:
        """Return the table and figures of a section's models, sweeps and comparisons."""
        sweeps, comparisons = (
            [name for name, it in group.items() if it.section == section]
            for group in (self.study.sweeps, self.study.comparisons)
        )
        return [
            *([self.table(section)] if section in self.sections else ()),
            *(self.figure(f"curves_{model.name}") for model in self.study.section(section)),
            *(path for name in sweeps for path in self.sweep_results(name)),
            *dict.fromkeys(self.figure(curves_shown_by(self.study)[name]) for name in comparisons),
        ]

    def error_tables(self, models: Iterable[Model]) -> list[str]:
        """Return the error analysis tables of all models, and those of these models, if any."""
        if not self.study.has("closer"):
            return []
        names = ("calibration", "agreement", "hardest", "duplicates", "similarity")
        return [*map(self.table, names), *(self.table(f"classes_{model.name}") for model in models)]

    def all_tables(self) -> list[str]:
        """Return every table of the report, in order."""
        study = self.study
        names = [
            *(*self.sections, "depth", "epochs", *(f"sweep_{sweep}" for sweep in study.sweeps)),
            *("weights", "gaps", "intervals", "comparisons", "ledger", "strengths", "claims"),
            *("statistics", "power", "settings"),
            *("runs", "cost", "machine", "engines"),
            *(f"bn_{name}_quantities" for name in study.batchnorm.settings),
            *(*TABLES["batchnorm"], *TABLES["noise"], *TABLES["playground"]),
        ]
        absent = {it for group, them in TABLES.items() if not study.has(group) for it in them}
        names = [name for name in names if name not in absent]
        return [*map(self.table, names), *self.error_tables(study.errors.models)]
