# The experiments on batch normalization: one job an experiment and seed, then tables, verdicts on
# what was predicted, and figures.  Those that read off the study's models start from their runs.


rule run_experiment:
    input:
        unpack(lambda wildcards: paths.needed_first(wildcards.experiment)),
        **TENSORS,
    output:
        results=f"{paths.experiment}/seed-{{seed}}/results.csv",
        provenance=f"{paths.experiment}/seed-{{seed}}/provenance.json",
    log:
        f"{LOGS}/run_experiment/{{experiment}}/seed-{{seed}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.trained),
    priority: priority("run_experiment")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=estimates.memory_of_experiments(**study.sizes),
        runtime=30,
    params:
        settings=lambda wildcards: study.batchnorm.settings_of_run(wildcards.experiment),
        module=lambda wildcards: module_of(wildcards.experiment, "run"),
        code=lambda wildcards: digest("run_experiment", module_of(wildcards.experiment, "run")),
    script:
        "../../scripts/run_experiment.py"


rule collect_experiment:
    """The results of an experiment with all its seeds, its quantities, and its predictions tested."""
    input:
        results=lambda wildcards: paths.of_experiment(wildcards.experiment, "results.csv"),
        provenance=lambda wildcards: paths.of_experiment(wildcards.experiment, "provenance.json"),
    output:
        **paths.tables_of_experiment("{experiment}"),
    log:
        f"{LOGS}/collect_experiment/{{experiment}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.trained),
    conda:
        "../envs/study.yaml"
    params:
        **asked.judged(lambda wildcards: module_of(wildcards.experiment, "quantities.quantities")),
        table=call("experiments.best_rates.results_table", seeds=list(study.batchnorm.seeds)),
        times=call("analysis.experiment_tables.times_table", seeds=list(study.batchnorm.seeds)),
        code=lambda wildcards: digest(
            "table",
            module_of(wildcards.experiment, "quantities"),
            "experiments.best_rates",
            "analysis.experiment_tables",
            "experiments.judging",
            "analysis.columns",
        ),
    script:
        "../../scripts/table.py"


rule collect_arms:
    """The same for an experiment that reads its results off the study's models."""
    input:
        **TENSORS,
        runs=lambda wildcards: of_runs(
            study.batchnorm.arms[wildcards.experiment].values(),
            *("metrics", "history", "predictions", "weights", "provenance"),
        ),
        labels=TENSORS["y_test"],
    output:
        **paths.tables_of_experiment("{experiment}"),
    log:
        f"{LOGS}/collect_arms/{{experiment}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.arms),
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=10,
    params:
        **asked.judged("experiments.trained_models.quantities"),
        table=call(
            "experiments.trained_models.arms_table",
            arms=lambda wildcards: study.batchnorm.arms_of(wildcards.experiment),
        ),
        times=call(
            "experiments.trained_models.arms_times",
            arms=lambda wildcards: study.batchnorm.arms_of(wildcards.experiment),
        ),
        code=digest(
            "table", "experiments.trained_models", "experiments.judging", "analysis.columns"
        ),
    script:
        "../../scripts/table.py"


rule judge_batchnorm:
    """Every prediction against what came out, and what becomes of what is said."""
    input:
        tables=[table(f"bn_{name}_predictions") for name in study.batchnorm.settings],
    output:
        predictions=table("bn_predictions"),
        claims=table("bn_claims"),
    log:
        f"{LOGS}/judge_batchnorm.log",
    conda:
        "../envs/study.yaml"
    params:
        predictions=call("experiments.judging.all_predictions", expected=asked.expected.predictions),
        claims=call("experiments.judging.claims_table", claims=asked.expected.claims),
        code=digest("table", "experiments.judging", "analysis.columns"),
    script:
        "../../scripts/table.py"


rule collect_experiment_costs:
    """What the experiments cost."""
    input:
        provenance=[
            path
            for experiment in study.batchnorm.trained
            for path in paths.of_experiment(experiment, "provenance.json")
        ],
    output:
        table=table("bn_costs"),
    log:
        f"{LOGS}/collect_experiment_costs.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call("analysis.experiment_tables.costs_table"),
        code=digest("table", "analysis.experiment_tables"),
    script:
        "../../scripts/table.py"


rule check_equality:
    """Batch normalization of both engines against NumPy: the largest deviations."""
    input:
        **TENSORS,
    output:
        table=table("bn_equality"),
    log:
        f"{LOGS}/check_equality.log",
    priority: priority("check_equality")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=5,
    params:
        table=call(
            "checks.equality.check_equality",
            settings=study.batchnorm.common,
            seed=study.batchnorm.seeds[0],
        ),
        code=digest("check", "checks.equality"),
    script:
        "../../scripts/check.py"


rule plot_experiment:
    input:
        table=lambda wildcards: table(f"bn_{paths.experiment_of[wildcards.figure]}"),
        times=lambda wildcards: table(f"bn_{paths.experiment_of[wildcards.figure]}_times"),
        fonts=FONTS,
    output:
        **paths.figure_files("bn_{figure}"),
    log:
        f"{LOGS}/plot_experiment/{{figure}}.log",
    wildcard_constraints:
        figure=any_of(paths.experiment_of),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            lambda wildcards: f"{DRAWN_BY[wildcards.figure]}.draw",
            settings=lambda wildcards: study.batchnorm.settings[
                paths.experiment_of[wildcards.figure]
            ],
        ),
        code=lambda wildcards: digest("figure", DRAWN_BY[wildcards.figure], "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_network:
    """The picture of a layer without and with batch normalization."""
    input:
        fonts=FONTS,
    output:
        **paths.figure_files("bn_network"),
    log:
        f"{LOGS}/plot_network.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.network.draw"),
        code=digest("figure", "figures.network"),
    script:
        "../../scripts/figure.py"
