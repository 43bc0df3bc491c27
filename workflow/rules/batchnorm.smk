# The experiments on batch normalization: one job an experiment and seed, then tables, verdicts on
# what was predicted, and figures.  Those that read off the study's models start from their runs.


rule run_experiment:
    input:
        unpack(needed_first),
        **TENSORS,
    output:
        results=f"{EXPERIMENT}/seed-{{seed}}/results.csv",
        provenance=f"{EXPERIMENT}/seed-{{seed}}/provenance.json",
    log:
        f"{LOGS}/run_experiment/{{experiment}}/seed-{{seed}}.log",
    wildcard_constraints:
        experiment=TRAINED_EXPERIMENTS,
    priority: priority("run_experiment")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=MEMORY_OF_EXPERIMENTS,
        runtime=30,
    params:
        settings=settings_of_run,
        module=lambda wildcards: EXPERIMENTS[wildcards.experiment].module,
        function=lambda wildcards: EXPERIMENTS[wildcards.experiment].function,
        code=lambda wildcards: digest("run_experiment", EXPERIMENTS[wildcards.experiment].module),
    script:
        "../../scripts/run_experiment.py"


rule collect_experiment:
    """The results of an experiment with all its seeds, its quantities, and its predictions tested."""
    input:
        results=lambda wildcards: files_of_experiment(wildcards.experiment, "results.csv"),
        provenance=lambda wildcards: files_of_experiment(wildcards.experiment, "provenance.json"),
    output:
        **tables_of_experiment("{experiment}"),
    log:
        f"{LOGS}/collect_experiment/{{experiment}}.log",
    wildcard_constraints:
        experiment=TRAINED_EXPERIMENTS,
    conda:
        "../envs/study.yaml"
    params:
        seeds=list(study.batchnorm.seeds),
        judging=judging,
        code=digest("collect_experiment"),
    script:
        "../../scripts/collect_experiment.py"


rule collect_arms:
    """The same for an experiment that reads its results off the study's models."""
    input:
        **TENSORS,
        runs=runs_of_arms,
    output:
        **tables_of_experiment("{experiment}"),
    log:
        f"{LOGS}/collect_arms/{{experiment}}.log",
    wildcard_constraints:
        experiment="|".join(study.batchnorm.arms) or "none",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=10,
    params:
        arms=lambda wildcards: {
            arm: model.as_dict()
            for arm, model in study.batchnorm.arms[wildcards.experiment].items()
        },
        train_samples=study.data["train_samples"],
        test_samples=study.data["test_samples"],
        judging=judging,
        code=digest("collect_arms"),
    script:
        "../../scripts/collect_arms.py"


rule judge_batchnorm:
    """Every prediction against what came out, and what becomes of what is said."""
    input:
        predictions=[table(f"bn_{name}_predictions") for name in study.batchnorm.settings],
    output:
        predictions=table("bn_predictions"),
        claims=table("bn_claims"),
    log:
        f"{LOGS}/judge_batchnorm.log",
    conda:
        "../envs/study.yaml"
    params:
        predictions=EXPECTED.predictions,
        claims=EXPECTED.claims,
        code=digest("judge_batchnorm"),
    script:
        "../../scripts/judge_batchnorm.py"


rule collect_experiment_costs:
    """What the experiments cost."""
    input:
        [
            path
            for experiment in study.batchnorm.trained
            for path in files_of_experiment(experiment, "provenance.json")
        ],
    output:
        table=table("bn_costs"),
    log:
        f"{LOGS}/collect_experiment_costs.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("collect_experiment_costs"),
    script:
        "../../scripts/collect_experiment_costs.py"


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
        settings=study.batchnorm.common,
        seed=study.batchnorm.seeds[0],
        code=digest("check_equality"),
    script:
        "../../scripts/check_equality.py"


rule plot_experiment:
    input:
        table=lambda wildcards: table(f"bn_{EXPERIMENT_OF[wildcards.figure]}"),
        times=lambda wildcards: table(f"bn_{EXPERIMENT_OF[wildcards.figure]}_times"),
        fonts=FONTS,
    output:
        **figure_files("bn_{figure}"),
    log:
        f"{LOGS}/plot_experiment/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(EXPERIMENT_OF) or "none",
    conda:
        "../envs/study.yaml"
    params:
        figure=lambda wildcards: wildcards.figure,
        settings=lambda wildcards: study.batchnorm.settings[EXPERIMENT_OF[wildcards.figure]],
        code=digest("plot_experiment"),
    script:
        "../../scripts/plot_experiment.py"


rule plot_network:
    """The picture of a layer without and with batch normalization."""
    input:
        fonts=FONTS,
    output:
        **figure_files("bn_network"),
    log:
        f"{LOGS}/plot_network.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("plot_network"),
    script:
        "../../scripts/plot_network.py"
