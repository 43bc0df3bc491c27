# From runs and tables to figures; each SVG is a separate target.

DEPTHS, PENALIZED, LESSONS = shown.by_depth(study), shown.penalized(study), shown.lessons(study)
LINES = [name for name in study.sweeps if name not in study.grids]


rule plot_data:
    """Examples and statistics of the training set."""
    input:
        pictures=f"{layout.data}/summary.npz",
        summary=TENSORS["summary"],
        fonts=FONTS,
    output:
        **layout.figure_files("data"),
    log:
        f"{LOGS}/plot_data.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.plots.data_pictures"),
        code=digest("figure", "figures.plots"),
    script:
        "../../scripts/figure.py"


rule plot_models:
    """The test accuracy of all models, by section."""
    input:
        **COMPARED,
        tables=SECTION_TABLES,
        trainings=table("runs"),
        fonts=FONTS,
    output:
        **main_result(layout.figure_files("models"), "models", "Models/Overview", "Test accuracy"),
    log:
        f"{LOGS}/plot_models.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.plots.models_overview",
            published=resolved.printed,
            sections=section_titles(study.has_source),
        ),
        code=digest("figure", "figures.plots", "analysis.columns"),
    script:
        "../../scripts/figure.py"


if LESSONS:

    rule plot_lessons:
        """A small picture for each lesson that the study can illustrate."""
        input:
            **({"sweep": table(f"sweep_{LESSONS['width']['sweep']}")} if "width" in LESSONS else {}),
            **COMPARED,
            tables=SECTION_TABLES,
            trainings=table("runs"),
            runs=run_files(
                [
                    study.models[model["name"]]
                    for lesson in LESSONS.values()
                    for model in lesson.get("models", ())
                ]
            ),
            fonts=FONTS,
        output:
            **layout.figure_files({lesson: f"lesson_{lesson}" for lesson in LESSONS}),
        log:
            f"{LOGS}/plot_lessons.log",
        conda:
            "../envs/study.yaml"
        params:
            width=call("figures.lessons.width", samples=study.data["test_samples"]),
            depth=call("figures.lessons.depth", **LESSONS.get("depth", {})),
            penalties=call("figures.lessons.penalties", **LESSONS.get("penalties", {})),
            dropout=call("figures.lessons.dropout", **LESSONS.get("dropout", {})),
            batchnorm=call("figures.lessons.batchnorm", **LESSONS.get("batchnorm", {})),
            noise=call(
                "figures.lessons.noise",
                runs_by_model=RUNS_BY_MODEL,
                samples=study.data["test_samples"],
            ),
            code=digest("figure", "figures.lessons", "analysis.columns"),
        script:
            "../../scripts/figure.py"


rule plot_curves:
    """The learning curves of a model."""
    input:
        runs=lambda wildcards: run_files([study.models[wildcards.model]]),
        fonts=FONTS,
    output:
        **layout.figure_files("curves_{model}", model=study.models),
    log:
        f"{LOGS}/plot_curves/{{model}}.log",
    wildcard_constraints:
        model=any_of(study.models),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.curves.learning_curves",
            models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
            title=lambda wildcards: f"Learning curves of {study.models[wildcards.model].title}",
            published=resolved.printed_of_model,
        ),
        code=digest("figure", "figures.curves"),
    script:
        "../../scripts/figure.py"


rule plot_comparison:
    """The learning curves of compared models on shared axes."""
    input:
        runs=lambda wildcards: run_files(study.comparisons[wildcards.comparison].models),
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files(
                "compare_{comparison}",
                comparison=[
                    name
                    for name, figure in shown.curves_shown_by(study).items()
                    if figure == f"compare_{name}"
                ],
            ),
            "curves",
            "Models/Learning curves",
            "{comparison}",
        ),
    log:
        f"{LOGS}/plot_comparison/{{comparison}}.log",
    wildcard_constraints:
        comparison=any_of(study.comparisons),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.curves.learning_curves",
            models=lambda wildcards: as_dicts(study.comparisons[wildcards.comparison].models),
            title=lambda wildcards: study.comparisons[wildcards.comparison].title,
        ),
        code=digest("figure", "figures.curves"),
    script:
        "../../scripts/figure.py"


if PENALIZED:

    rule plot_penalties:
        """Differences of penalized models from the plain one, and their learning curves."""
        input:
            comparisons=table("comparisons"),
            runs=run_files(PENALIZED),
            fonts=FONTS,
        output:
            **layout.figure_files(
                {"penalties": shown.PENALTIES, "curves": f"{shown.PENALTIES}_curves"}
            ),
        log:
            f"{LOGS}/plot_penalties.log",
        conda:
            "../envs/study.yaml"
        params:
            penalties=call("figures.comparisons.penalties", models=as_dicts(PENALIZED)),
            curves=call("figures.comparisons.penalty_curves", models=as_dicts(PENALIZED)),
            code=digest("figure", "figures.comparisons", "analysis.columns"),
        script:
            "../../scripts/figure.py"


if study.has("comparisons"):

    rule plot_close_models:
        """The models that differ least, beside what seeds and test images resolve."""
        input:
            comparisons=table("comparisons"),
            trainings=table("runs"),
            fonts=FONTS,
        output:
            **layout.figure_files("close_models"),
        log:
            f"{LOGS}/plot_close_models.log",
        conda:
            "../envs/study.yaml"
        params:
            figure=call(
                "figures.comparisons.close_models",
                runs_by_model=RUNS_BY_MODEL,
                samples=study.data["test_samples"],
            ),
            code=digest("figure", "figures.comparisons", "analysis.columns"),
        script:
            "../../scripts/figure.py"


if study.has("epochs"):

    rule plot_epochs:
        """Test metrics over the epochs of longer training."""
        input:
            table=table("epochs"),
            fonts=FONTS,
        output:
            **layout.figure_files("epochs"),
        log:
            f"{LOGS}/plot_epochs.log",
        conda:
            "../envs/study.yaml"
        params:
            figure=call("figures.plots.epochs_bars", title=study.epochs.model.title),
            code=digest("figure", "figures.plots", "analysis.columns"),
        script:
            "../../scripts/figure.py"


rule plot_depth:
    """Final metrics by number of hidden layers."""
    input:
        tables=SECTION_TABLES,
        trainings=table("runs"),
        fonts=FONTS,
    output:
        **layout.figure_files("{figure}", figure=DEPTHS),
    log:
        f"{LOGS}/plot_{{figure}}.log",
    wildcard_constraints:
        figure=any_of(DEPTHS),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.plots.depth",
            models=lambda wildcards: description.names(DEPTHS[wildcards.figure]),
        ),
        code=digest("figure", "figures.plots", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_sweep:
    """Final metrics over the values of a sweep, and its learning curves."""
    input:
        runs=lambda wildcards: run_files(study.sweeps[wildcards.sweep].models),
        table=table("sweep_{sweep}"),
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files(
                {"summary": "sweep_{sweep}", "curves": "sweep_{sweep}_curves"}, sweep=LINES
            ),
            "sweep",
            "Sweeps",
            "{sweep}",
        ),
    log:
        f"{LOGS}/plot_sweep/{{sweep}}.log",
    wildcard_constraints:
        sweep=any_of(LINES),
    conda:
        "../envs/study.yaml"
    params:
        summary=call("figures.plots.sweep_summary", sweep=this_sweep),
        curves=call("figures.curves.sweep_curves", sweep=this_sweep, models=models_of_sweep),
        code=digest("figure", "figures.plots", "figures.curves", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_grid:
    """Heat maps of a sweep of two keys."""
    input:
        table=table("sweep_{sweep}"),
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files("sweep_{sweep}", sweep=study.grids),
            "sweep",
            "Sweeps",
            "{sweep}",
        ),
    log:
        f"{LOGS}/plot_grid/{{sweep}}.log",
    wildcard_constraints:
        sweep=any_of(study.grids),
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.heatmaps.grid", sweep=this_sweep),
        code=digest("figure", "figures.heatmaps", "analysis.columns"),
    script:
        "../../scripts/figure.py"


if study.has("weights"):

    rule plot_weights:
        """Histograms of the weights for each penalty."""
        input:
            runs=run_files(study.weights, "weights"),
            fonts=FONTS,
        output:
            **layout.figure_files("weights"),
        log:
            f"{LOGS}/plot_weights.log",
        conda:
            "../envs/study.yaml"
        params:
            figure=call("figures.plots.weight_histograms", models=as_dicts(study.weights)),
            code=digest("figure", "figures.plots"),
        script:
            "../../scripts/figure.py"


rule plot_workflow:
    """The stages of the study."""
    input:
        fonts=FONTS,
    output:
        **layout.figure_files("workflow"),
    log:
        f"{LOGS}/plot_workflow.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.plots.stages",
            counts={
                "files": len(study.data_set.files) or len(study.own_files),
                "images": sum(study.sizes.values()),
                "trainings": len(study.trainings),
                "experiments": len(study.batchnorm.trained) * len(study.batchnorm.seeds)
                + len(study.noise.seeds),
                "tables": len(TABLES),
            },
            figures=lambda wildcards: len(FIGURES),
        ),
        code=digest("figure", "figures.plots"),
    script:
        "../../scripts/figure.py"
