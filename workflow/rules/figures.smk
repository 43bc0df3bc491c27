# From runs and tables to figures; each SVG is a separate target.


rule plot_data:
    """Examples and statistics of the training set."""
    input:
        pictures=f"{DATA}/summary.npz",
        summary=f"{DATA}/summary.json",
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
    """The test accuracy of all models."""
    input:
        tables=[table(section) for section in SECTIONS],
        comparisons=table("comparisons"),
        fonts=FONTS,
    output:
        **layout.figure_files("models"),
    log:
        f"{LOGS}/plot_models.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.plots.models_overview", published=resolved.printed),
        code=digest("figure", "figures.plots", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_curves:
    input:
        runs=lambda wildcards: run_files([study.models[wildcards.model]], "history"),
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
            "figures.plots.learning_curves",
            models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
            published=resolved.printed_of_model,
        ),
        code=digest("figure", "figures.plots"),
    script:
        "../../scripts/figure.py"


rule plot_comparison:
    input:
        runs=lambda wildcards: run_files(study.comparisons[wildcards.comparison].models, "history"),
        fonts=FONTS,
    output:
        **layout.figure_files("compare_{comparison}", comparison=study.comparisons),
    log:
        f"{LOGS}/plot_comparison/{{comparison}}.log",
    wildcard_constraints:
        comparison=any_of(study.comparisons),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            "figures.plots.learning_curves",
            models=lambda wildcards: as_dicts(study.comparisons[wildcards.comparison].models),
        ),
        code=digest("figure", "figures.plots"),
    script:
        "../../scripts/figure.py"


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
    """Final metrics by depth."""
    input:
        table=table("depth"),
        fonts=FONTS,
    output:
        **layout.figure_files("depth"),
    log:
        f"{LOGS}/plot_depth.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.plots.depth"),
        code=digest("figure", "figures.plots", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_sweep:
    input:
        runs=lambda wildcards: run_files(study.sweeps[wildcards.sweep].models, "history"),
        table=table("sweep_{sweep}"),
        fonts=FONTS,
    output:
        **layout.figure_files(
            {"summary": "sweep_{sweep}", "curves": "sweep_{sweep}_curves"}, sweep=study.sweeps
        ),
    log:
        f"{LOGS}/plot_sweep/{{sweep}}.log",
    wildcard_constraints:
        sweep=any_of(study.sweeps),
    conda:
        "../envs/study.yaml"
    params:
        summary=call("figures.plots.sweep_summary", sweep=this_sweep),
        curves=call("figures.plots.sweep_curves", sweep=this_sweep, models=models_of_sweep),
        code=digest("figure", "figures.plots", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_weights:
    """Histograms of the weights for each penalty."""
    input:
        runs=run_files(study.weights, "weights", "metrics"),
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
            trainings=len(study.trainings),
            experiments=len(study.batchnorm.trained) * len(study.batchnorm.seeds)
            + len(study.noise.seeds),
            tables=len(TABLES),
            figures=lambda wildcards: len(FIGURES),
        ),
        code=digest("figure", "figures.plots"),
    script:
        "../../scripts/figure.py"
