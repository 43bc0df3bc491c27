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
        of_runs(study.weights, "metrics"),
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


rule measure_gaps:
    """The gap between training and held-out data over the epochs, with intervals."""
    input:
        of_runs(study.models.values(), "history"),
        of_runs(study.models.values(), "metrics"),
    output:
        table=f"{TABLES_DIRECTORY}/gaps.csv",
    log:
        f"{LOGS}/measure_gaps.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.models.values()),
        code=digest("measure_gaps"),
    script:
        "../../scripts/measure_gaps.py"


rule estimate_models:
    """How sure each model's metrics are: intervals of several kinds."""
    input:
        of_runs(study.models.values(), "metrics"),
        of_runs(study.models.values(), "predictions"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/intervals.csv",
    log:
        f"{LOGS}/estimate_models.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.models.values()),
        test_samples=study.data["test_samples"],
        code=digest("estimate_models"),
    script:
        "../../scripts/estimate_models.py"


rule compare_models:
    """Which models differ: every planned pair, with intervals, corrected for their number."""
    input:
        of_runs(study.compared, "metrics"),
        of_runs(study.compared, "predictions"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/comparisons.csv",
    log:
        f"{LOGS}/compare_models.log",
    conda:
        "../envs/study.yaml"
    params:
        comparisons=comparisons_as_dicts(),
        models=as_dicts(study.compared),
        test_samples=study.data["test_samples"],
        code=digest("compare_models"),
    script:
        "../../scripts/compare_models.py"


rule judge_published:
    """The ledger: every published number, what we got, and a verdict."""
    input:
        of_runs(study.redoing, "metrics"),
        of_runs(study.redoing, "predictions"),
        labels=TENSORS["y_test"],
        published=PUBLISHED,
    output:
        table=f"{TABLES_DIRECTORY}/ledger.csv",
    log:
        f"{LOGS}/judge_published.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(study.redoing),
        redone_by={source: list(names) for source, names in study.published_models.items()},
        numbers={source: list(ids) for source, ids in study.published_numbers.items()},
        whole=study.uses_all,
        test_samples=study.data["test_samples"],
        code=digest("judge_published"),
    script:
        "../../scripts/judge_published.py"


rule judge_claims:
    """What the source asserts, tested on our runs and on its own numbers."""
    input:
        [of_runs(CLAIMED_RUNS, kind) for kind in ("metrics", "predictions", "weights", "history")],
        labels=TENSORS["y_test"],
        published=PUBLISHED,
    output:
        table=f"{TABLES_DIRECTORY}/claims.csv",
    log:
        f"{LOGS}/judge_claims.log",
    conda:
        "../envs/study.yaml"
    params:
        claims=CLAIMS,
        models=as_dicts(CLAIMED_MODELS),
        sweeps={name: sweep_with_models(study.sweeps[name]) for name in CLAIMED_SWEEPS},
        longer={"model": study.epochs.model.as_dict(), "at": list(study.epochs.at)},
        numbers={source: list(ids) for source, ids in study.published_numbers.items()},
        test_samples=study.data["test_samples"],
        code=digest("judge_claims"),
    script:
        "../../scripts/judge_claims.py"


rule check_statistics:
    """Whether the study's intervals hold the truth, and its words keep their error rate."""
    input:
        **TENSORS,
    output:
        table=f"{TABLES_DIRECTORY}/statistics.csv",
    log:
        f"{LOGS}/check_statistics.log",
    priority: priority("check_statistics")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        **study.checks,
        code=digest("check_statistics"),
    script:
        "../../scripts/check_statistics.py"


# The same for more seeds: not part of the report, but a target of its own.
use rule estimate_models as estimate_replicates with:
    input:
        of_runs(study.replicates, "metrics"),
        of_runs(study.replicates, "predictions"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/replicates_intervals.csv",
    log:
        f"{LOGS}/estimate_replicates.log",
    params:
        models=as_dicts(study.replicates),
        test_samples=study.data["test_samples"],
        code=digest("estimate_models"),


use rule compare_models as compare_replicates with:
    input:
        of_runs(study.replicates, "metrics"),
        of_runs(study.replicates, "predictions"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/replicates_comparisons.csv",
    log:
        f"{LOGS}/compare_replicates.log",
    params:
        comparisons=comparisons_as_dicts(among=study.replicates),
        models=as_dicts(study.replicates),
        test_samples=study.data["test_samples"],
        code=digest("compare_models"),


use rule judge_published as judge_replicates with:
    input:
        of_runs(study.replicates, "metrics"),
        of_runs(study.replicates, "predictions"),
        labels=TENSORS["y_test"],
        published=PUBLISHED,
    output:
        table=f"{TABLES_DIRECTORY}/replicates_ledger.csv",
    log:
        f"{LOGS}/judge_replicates.log",
    params:
        models=as_dicts(study.replicates),
        redone_by={source: list(names) for source, names in study.published_models.items()},
        numbers={source: list(ids) for source, ids in study.published_numbers.items()},
        whole=study.uses_all,
        test_samples=study.data["test_samples"],
        code=digest("judge_published"),


rule collect_runs:
    """The tables of all trainings: what came out, and what it cost."""
    input:
        of_runs(study.trained(), "metrics"),
        of_runs(study.trained(), "provenance"),
    output:
        table=f"{TABLES_DIRECTORY}/runs.csv",
        cost=f"{TABLES_DIRECTORY}/cost.csv",
    log:
        f"{LOGS}/collect_runs.log",
    conda:
        "../envs/study.yaml"
    params:
        trainings=[list(training) for training in study.trainings],
        code=digest("collect_runs"),
    script:
        "../../scripts/collect_runs.py"


rule measure_machine:
    """The rate of large products on one thread, beside whatever runs: a bound for the trainings."""
    output:
        table=table("machine"),
    log:
        f"{LOGS}/measure_machine.log",
    priority: priority("measure_machine")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=5,
    params:
        code=digest("measure_machine"),
    script:
        "../../scripts/measure_machine.py"
