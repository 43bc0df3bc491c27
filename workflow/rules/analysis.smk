# From runs to tables: each table asks for the runs that it shows, and for no others.


rule collect_models:
    input:
        lambda wildcards: of_runs(MODEL_GROUPS[wildcards.group], "metrics"),
    output:
        table=f"{TABLES_DIRECTORY}/{{group}}.csv",
    log:
        f"{LOGS}/collect_models/{{group}}.log",
    wildcard_constraints:
        group="|".join(MODEL_GROUPS),
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts(MODEL_GROUPS[wildcards.group]),
        code=digest("collect_models"),
    script:
        "../../scripts/collect_models.py"


rule collect_epochs:
    """The table of longer training."""
    input:
        of_runs([study.epochs.model], "history"),
    output:
        table=f"{TABLES_DIRECTORY}/epochs.csv",
    log:
        f"{LOGS}/collect_epochs.log",
    conda:
        "../envs/study.yaml"
    params:
        at=list(study.epochs.at),
        model=study.epochs.model.as_dict(),
        code=digest("collect_epochs"),
    script:
        "../../scripts/collect_epochs.py"


rule collect_sweep:
    input:
        lambda wildcards: of_runs(study.sweeps[wildcards.sweep].models, "metrics"),
        lambda wildcards: of_runs(study.sweeps[wildcards.sweep].models, "weights"),
    output:
        table=f"{TABLES_DIRECTORY}/sweep_{{sweep}}.csv",
    log:
        f"{LOGS}/collect_sweep/{{sweep}}.log",
    wildcard_constraints:
        sweep=SWEEP_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        values=lambda wildcards: list(study.sweeps[wildcards.sweep].values),
        models=lambda wildcards: as_dicts(study.sweeps[wildcards.sweep].models),
        code=digest("collect_sweep"),
    script:
        "../../scripts/collect_sweep.py"


rule collect_weights:
    """The table of what penalties make of the weights."""
    input:
        of_runs(study.weights, "weights"),
    output:
        table=f"{TABLES_DIRECTORY}/weights.csv",
    log:
        f"{LOGS}/collect_weights.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.weights),
        code=digest("collect_weights"),
    script:
        "../../scripts/collect_weights.py"


rule compare_published:
    """The table of published against reproduced numbers."""
    input:
        runs=of_runs(study.redoing, "metrics"),
        published=PUBLISHED,
    output:
        table=f"{TABLES_DIRECTORY}/published.csv",
    log:
        f"{LOGS}/compare_published.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.redoing),
        redone_by={source: list(names) for source, names in study.published_models.items()},
        code=digest("compare_published"),
    script:
        "../../scripts/compare_published.py"


rule collect_runs:
    """The table of all trainings."""
    input:
        of_runs(study.trained(), "metrics"),
    output:
        table=f"{TABLES_DIRECTORY}/runs.csv",
    log:
        f"{LOGS}/collect_runs.log",
    conda:
        "../envs/study.yaml"
    params:
        trainings=[list(training) for training in study.trainings],
        code=digest("collect_runs"),
    script:
        "../../scripts/collect_runs.py"


rule collect_costs:
    """The table of what the trainings cost."""
    input:
        of_runs(study.trained(), "provenance"),
    output:
        table=f"{TABLES_DIRECTORY}/cost.csv",
    log:
        f"{LOGS}/collect_costs.log",
    conda:
        "../envs/study.yaml"
    params:
        trainings=[list(training) for training in study.trainings],
        code=digest("collect_costs"),
    script:
        "../../scripts/collect_costs.py"
