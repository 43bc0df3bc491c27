# The experiments on batch normalization: one job per experiment and seed, then tables, verdicts on
# predictions, and figures.  Some experiments evaluate the study's models instead.


rule run_experiment:
    """One experiment on batch normalization with one seed."""
    input:
        unpack(lambda wildcards: layout.required_results(wildcards.experiment)),
        **TENSORS,
    output:
        results=f"{layout.experiment}/seed-{{seed}}/results.csv",
        provenance=f"{layout.experiment}/seed-{{seed}}/provenance.json",
    log:
        f"{LOGS}/run_experiment/{{experiment}}/seed-{{seed}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.trained),
    priority: priority("run_experiment")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        **GPUS,
        mem_mb=estimates.experiment_memory(study.data_set.features, **study.sizes),
        runtime=30,
    params:
        **DEVICE,
        settings=lambda wildcards: study.batchnorm.settings_of_run(wildcards.experiment),
        function=lambda wildcards: module_of(wildcards.experiment, "run.run"),
        code=lambda wildcards: digest("run_experiment", module_of(wildcards.experiment, "run")),
    script:
        "../../scripts/run_experiment.py"


rule collect_experiment:
    """The results of an experiment over all seeds, its quantities, and its tested predictions."""
    input:
        results=lambda wildcards: layout.experiment_files(wildcards.experiment, "results.csv"),
        provenance=lambda wildcards: layout.experiment_files(
            wildcards.experiment, "provenance.json"
        ),
    output:
        **layout.experiment_tables("{experiment}"),
    log:
        f"{LOGS}/collect_experiment/{{experiment}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.trained),
    conda:
        "../envs/study.yaml"
    params:
        **resolved.judged(
            lambda wildcards: module_of(wildcards.experiment, "quantities.quantities")
        ),
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
    """The results of an experiment that evaluates the study's models, with tested predictions."""
    input:
        **TENSORS,
        runs=lambda wildcards: run_files(
            study.batchnorm.arms[wildcards.experiment].values(), "weights"
        ),
    output:
        **layout.experiment_tables("{experiment}"),
    log:
        f"{LOGS}/collect_arms/{{experiment}}.log",
    wildcard_constraints:
        experiment=any_of(study.batchnorm.arms),
    priority: priority("collect_arms")
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=2500,
        runtime=10,
    params:
        **resolved.judged("experiments.trained_models.quantities"),
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
    """All predictions with their outcomes, and the resulting verdicts on claims."""
    input:
        tables=[table(f"bn_{name}_predictions") for name in study.batchnorm.settings],
    output:
        **main_result(
            {"predictions": table("bn_predictions"), "claims": table("bn_claims")},
            "predictions",
            "Batch normalization",
            "Predictions and outcomes",
        ),
    log:
        f"{LOGS}/judge_batchnorm.log",
    conda:
        "../envs/study.yaml"
    params:
        predictions=call(
            "experiments.judging.all_predictions", expected=resolved.expected.predictions
        ),
        claims=call("experiments.judging.claims_table", claims=resolved.expected.claims),
        code=digest("table", "experiments.judging", "analysis.columns"),
    script:
        "../../scripts/table.py"


rule collect_experiment_costs:
    """The cost of the experiments."""
    input:
        provenance=[
            path
            for experiment in study.batchnorm.trained
            for path in layout.experiment_files(experiment, "provenance.json")
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
    resources:
        **GPUS,
        mem_mb=2500,
        runtime=5,
    params:
        **DEVICE,
        table=call(
            "checks.equality.check_equality",
            settings=study.batchnorm.common,
            seed=study.batchnorm.seeds[0],
        ),
        code=digest("check", "checks.equality"),
    script:
        "../../scripts/check.py"


rule plot_experiment:
    """A figure of an experiment on batch normalization."""
    input:
        table=lambda wildcards: table(f"bn_{layout.figure_experiments[wildcards.figure]}"),
        times=lambda wildcards: table(f"bn_{layout.figure_experiments[wildcards.figure]}_times"),
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files("bn_{figure}", figure=layout.figure_experiments),
            "experiment",
            "Batch normalization",
            "{figure}",
        ),
    log:
        f"{LOGS}/plot_experiment/{{figure}}.log",
    wildcard_constraints:
        figure=any_of(layout.figure_experiments),
    conda:
        "../envs/study.yaml"
    params:
        figure=call(
            lambda wildcards: f"{DRAWN_BY[wildcards.figure]}.draw",
            settings=lambda wildcards: study.batchnorm.settings[
                layout.figure_experiments[wildcards.figure]
            ],
        ),
        code=lambda wildcards: digest("figure", DRAWN_BY[wildcards.figure], "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_network:
    """A diagram of a layer without and with batch normalization."""
    input:
        fonts=FONTS,
    output:
        **layout.figure_files("bn_network"),
    log:
        f"{LOGS}/plot_network.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.network.draw"),
        code=digest("figure", "figures.network"),
    script:
        "../../scripts/figure.py"
