# From runs to tables; each table depends only on the runs that it shows.


rule collect_models:
    """The final metrics of the models of a section."""
    input:
        runs=lambda wildcards: run_files(MODEL_GROUPS[wildcards.group]),
    output:
        **main_result({"table": table("{group}")}, "metrics", "Models/Metrics", "{group}"),
    log:
        f"{LOGS}/collect_models/{{group}}.log",
    wildcard_constraints:
        group=any_of(MODEL_GROUPS),
    conda:
        "../envs/study.yaml"
    params:
        table=call(
            "analysis.tables.models_table",
            models=lambda wildcards: as_dicts(MODEL_GROUPS[wildcards.group]),
        ),
        code=digest("table", "analysis.tables"),
    script:
        "../../scripts/table.py"


rule collect_settings:
    """The hyperparameters of every model."""
    output:
        table=table("settings"),
    log:
        f"{LOGS}/collect_settings.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call("analysis.settings.settings_table", models=as_dicts(study.models.values())),
        code=digest("table", "analysis.settings"),
    script:
        "../../scripts/table.py"


if study.has("epochs"):

    rule collect_epochs:
        """The table of longer training."""
        input:
            runs=run_files([study.epochs.model]),
        output:
            table=table("epochs"),
        log:
            f"{LOGS}/collect_epochs.log",
        conda:
            "../envs/study.yaml"
        params:
            table=call(
                "analysis.tables.epochs_table",
                at=list(study.epochs.at),
                model=study.epochs.model.as_dict(),
            ),
            code=digest("table", "analysis.tables"),
        script:
            "../../scripts/table.py"


rule collect_sweep:
    """The final metrics of a sweep, one row per value."""
    input:
        runs=lambda wildcards: run_files(study.sweeps[wildcards.sweep].models, "weights"),
    output:
        table=table("sweep_{sweep}"),
    log:
        f"{LOGS}/collect_sweep/{{sweep}}.log",
    wildcard_constraints:
        sweep=any_of(study.sweeps),
    conda:
        "../envs/study.yaml"
    params:
        table=call(
            "analysis.tables.sweep_table",
            settings=lambda wildcards: study.sweeps[wildcards.sweep].settings,
            models=models_of_sweep,
        ),
        code=digest("table", "analysis.tables"),
    script:
        "../../scripts/table.py"


if study.has("weights"):

    rule collect_weights:
        """The effect of penalties on the weights."""
        input:
            runs=run_files(study.weights, "weights"),
        output:
            table=table("weights"),
        log:
            f"{LOGS}/collect_weights.log",
        conda:
            "../envs/study.yaml"
        params:
            table=call("analysis.tables.weights_table", models=as_dicts(study.weights)),
            code=digest("table", "analysis.tables"),
        script:
            "../../scripts/table.py"


rule measure_gaps:
    """The gap between training and held-out data over epochs, with intervals."""
    input:
        runs=run_files(study.models.values()),
    output:
        table=table("gaps"),
    log:
        f"{LOGS}/measure_gaps.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call("analysis.comparing.gaps_table", models=as_dicts(study.models.values())),
        code=digest("table", "analysis.comparing"),
    script:
        "../../scripts/table.py"


rule estimate_models:
    """The uncertainty of each model's metrics: intervals of several kinds."""
    input:
        runs=run_files(study.models.values()),
    output:
        table=table("intervals"),
    log:
        f"{LOGS}/estimate_models.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call("analysis.comparing.intervals_table", models=as_dicts(study.models.values())),
        code=digest("table", "analysis.comparing"),
    script:
        "../../scripts/table.py"


if study.has("comparisons"):

    rule compare_models:
        """Differences of all planned pairs of models, with intervals, corrected for their number."""
        input:
            **CLAIMED,
            runs=run_files(study.models.values()),
        output:
            **main_result(
                {"table": table("comparisons")}, "comparisons", "Models/Overview", "Comparisons"
            ),
        log:
            f"{LOGS}/compare_models.log",
        conda:
            "../envs/study.yaml"
        params:
            table=call(
                "analysis.comparing.comparisons_table",
                comparisons=description.comparisons(study),
                models=as_dicts(study.models.values()),
                pairs=resolved.pairs,
            ),
            code=digest("table", "analysis.comparing", "analysis.columns"),
        script:
            "../../scripts/table.py"


rule compare_pairs:
    """Differences of every two models, planned or not; the explorer shows them."""
    input:
        **CLAIMED,
        **COMPARED,
        runs=run_files(study.models.values()),
    output:
        table=table("pairs"),
    log:
        f"{LOGS}/compare_pairs.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call(
            "analysis.comparing.pairs_table",
            models=as_dicts(study.models.values()),
            pairs=resolved.pairs,
        ),
        code=digest("table", "analysis.comparing", "analysis.columns"),
    script:
        "../../scripts/table.py"


if study.has("published"):

    rule judge_published:
        """The ledger: every published number, our result, and a verdict."""
        input:
            runs=run_files(study.models.values()),
        output:
            **main_result({"table": table("ledger")}, "ledger", "Claims", "Published numbers"),
        log:
            f"{LOGS}/judge_published.log",
        conda:
            "../envs/study.yaml"
        params:
            table=resolved.ledger_call(study.models.values()),
            code=digest("table", "analysis.ledger"),
        script:
            "../../scripts/table.py"

    rule locate_strengths:
        """The strengths of L1 and L2 that are compatible with the published numbers."""
        input:
            runs=run_files(resolved.models_with(resolved.strength_sweeps)),
        output:
            table=table("strengths"),
        log:
            f"{LOGS}/locate_strengths.log",
        conda:
            "../envs/study.yaml"
        params:
            table=resolved.strengths_call(),
            code=digest("table", "analysis.strength"),
        script:
            "../../scripts/table.py"


if study.has("claims"):

    rule judge_claims:
        """The claims of the source, tested on our runs and on its own numbers."""
        input:
            runs=run_files(resolved.claimed_runs, "weights"),
        output:
            **main_result({"table": table("claims")}, "claims", "Claims", "Claims of the source"),
        log:
            f"{LOGS}/judge_claims.log",
        conda:
            "../envs/study.yaml"
        params:
            table=call(
                "analysis.judging.claims_table",
                claims=resolved.claims,
                published=resolved.published,
                models=as_dicts(study.models.values()),
                pairs=resolved.pairs,
                sweeps={
                    name: description.sweep_with_models(it)
                    for name, it in resolved.claimed_sweeps.items()
                },
                longer=study.epochs
                and {"model": study.epochs.model.as_dict(), "at": list(study.epochs.at)},
            ),
            code=digest("table", "analysis.judging"),
        script:
            "../../scripts/table.py"


if study.has("checks"):

    rule check_statistics:
        """The coverage of the study's intervals, and the error rates of its verdicts."""
        input:
            **TENSORS,
        output:
            table=table("statistics"),
            power=table("power"),
        log:
            f"{LOGS}/check_statistics.log",
        priority: priority("check_statistics")
        conda:
            "../envs/study.yaml"
        resources:
            mem_mb=1000,
            runtime=15,
        params:
            table=call("checks.simulation.check_statistics", **study.checks),
            power=call("checks.simulation.power", repetitions=study.checks["repetitions"] // 4),
            code=digest("table", "checks.simulation"),
        script:
            "../../scripts/table.py"


# The same with more seeds, for the target `replicates`; not part of the report.
if study.has("replicates"):

    use rule estimate_models as estimate_replicates with:
        """The same intervals for the models with more seeds."""
        input:
            runs=run_files(study.replicates),
        output:
            table=table("replicates_intervals"),
        log:
            f"{LOGS}/estimate_replicates.log",
        params:
            table=call("analysis.comparing.intervals_table", models=as_dicts(study.replicates)),
            code=digest("table", "analysis.comparing"),


if study.has("replicates") and study.has("comparisons"):

    use rule compare_models as compare_replicates with:
        """The same differences for the models with more seeds."""
        input:
            runs=run_files(study.replicates),
        output:
            table=table("replicates_comparisons"),
        log:
            f"{LOGS}/compare_replicates.log",
        params:
            table=call(
                "analysis.comparing.comparisons_table",
                comparisons=description.comparisons(study, among=study.replicates),
                models=as_dicts(study.replicates),
            ),
            code=digest("table", "analysis.comparing", "analysis.columns"),


if study.has("replicates") and study.has("published"):

    use rule judge_published as judge_replicates with:
        """The same ledger for the models with more seeds."""
        input:
            runs=run_files(study.replicates),
        output:
            table=table("replicates_ledger"),
        log:
            f"{LOGS}/judge_replicates.log",
        params:
            table=resolved.ledger_call(study.replicates),
            code=digest("table", "analysis.ledger"),


rule collect_runs:
    """The results and the cost of all trainings."""
    input:
        runs=run_files(study.trained_models()),
    output:
        table=table("runs"),
        cost=table("cost"),
    log:
        f"{LOGS}/collect_runs.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call(
            "analysis.tables.runs_table",
            trainings=[list(training) for training in study.trainings],
        ),
        cost=call(
            "analysis.tables.cost_table",
            trainings=[list(training) for training in study.trainings],
        ),
        code=digest("table", "analysis.tables"),
    script:
        "../../scripts/table.py"


rule measure_machine:
    """The rate of large matrix products on one thread: an upper bound for trainings."""
    output:
        table=table("machine"),
    log:
        f"{LOGS}/measure_machine.log",
    priority: priority("measure_machine")
    conda:
        "../envs/study.yaml"
    resources:
        **GPUS,
        mem_mb=1500,
        runtime=5,
    params:
        **DEVICE,
        table=call("engines.machine.product_rate", threads=1),
        code=digest("check", "engines.machine"),
    script:
        "../../scripts/check.py"
