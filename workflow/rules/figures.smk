# From runs and tables to figures: one SVG a figure, each a target of its own.


rule plot_data:
    """The picture of the training set."""
    input:
        images=f"{DATA}/summary.npz",
        summary=f"{DATA}/summary.json",
        fonts=FONTS,
    output:
        **figure_files("data"),
    log:
        f"{LOGS}/plot_data.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("plot_data"),
    script:
        "../../scripts/plot_data.py"


rule plot_models:
    """The test accuracy of all models in one figure."""
    input:
        runs=of_runs(study.models.values(), "metrics"),
        comparisons=f"{TABLES_DIRECTORY}/comparisons.csv",
        fonts=FONTS,
    output:
        **figure_files("models"),
    log:
        f"{LOGS}/plot_models.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.models.values()),
        published=published(study.models.values()),
        code=digest("plot_models"),
    script:
        "../../scripts/plot_models.py"


rule plot_curves:
    input:
        lambda wildcards: of_runs([study.models[wildcards.model]], "history"),
        fonts=FONTS,
    output:
        **figure_files("curves_{model}"),
    log:
        f"{LOGS}/plot_curves/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        published=lambda wildcards: published([study.models[wildcards.model]]),
        code=digest("plot_curves"),
    script:
        "../../scripts/plot_curves.py"


rule plot_comparison:
    input:
        lambda wildcards: of_runs(study.comparisons[wildcards.comparison].models, "history"),
        fonts=FONTS,
    output:
        **figure_files("compare_{comparison}"),
    log:
        f"{LOGS}/plot_comparison/{{comparison}}.log",
    wildcard_constraints:
        comparison=COMPARISON_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts(study.comparisons[wildcards.comparison].models),
        published={},
        code=digest("plot_curves"),
    script:
        "../../scripts/plot_curves.py"


rule plot_epochs:
    """The bars of longer training."""
    input:
        table=f"{TABLES_DIRECTORY}/epochs.csv",
        fonts=FONTS,
    output:
        **figure_files("epochs"),
    log:
        f"{LOGS}/plot_epochs.log",
    conda:
        "../envs/study.yaml"
    params:
        title=as_is(study.epochs.model.title),
        code=digest("plot_epochs"),
    script:
        "../../scripts/plot_epochs.py"


rule plot_depth:
    """The figure of depth."""
    input:
        table=f"{TABLES_DIRECTORY}/depth.csv",
        fonts=FONTS,
    output:
        **figure_files("depth"),
    log:
        f"{LOGS}/plot_depth.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("plot_depth"),
    script:
        "../../scripts/plot_depth.py"


rule plot_sweep:
    input:
        lambda wildcards: of_runs(study.sweeps[wildcards.sweep].models, "history"),
        table=f"{TABLES_DIRECTORY}/sweep_{{sweep}}.csv",
        fonts=FONTS,
    output:
        **files_of_figures(summary="sweep_{sweep}", curves="sweep_{sweep}_curves"),
    log:
        f"{LOGS}/plot_sweep/{{sweep}}.log",
    wildcard_constraints:
        sweep=SWEEP_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        sweep=lambda wildcards: sweep_as_dict(study.sweeps[wildcards.sweep]),
        models=lambda wildcards: as_dicts(study.sweeps[wildcards.sweep].models),
        code=digest("plot_sweep"),
    script:
        "../../scripts/plot_sweep.py"


rule plot_weights:
    """The histograms of weights under each penalty."""
    input:
        of_runs(study.weights, "weights"),
        of_runs(study.weights, "metrics"),
        fonts=FONTS,
    output:
        **figure_files("weights"),
    log:
        f"{LOGS}/plot_weights.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.weights),
        code=digest("plot_weights"),
    script:
        "../../scripts/plot_weights.py"
