# Where noise comes from: one job per seed, which trains once per source of randomness, then a table
# and a figure.


rule run_noise:
    """The trainings of one seed, one per source of randomness."""
    input:
        **TENSORS,
    output:
        results=f"{layout.noise}/results.csv",
        provenance=f"{layout.noise}/provenance.json",
    log:
        f"{LOGS}/run_noise/seed-{{seed}}.log",
    priority: priority("run_noise")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        **GPUS,
        mem_mb=estimates.experiment_memory(study.data_set.features, **study.sizes),
        runtime=30,
    params:
        **DEVICE,
        settings=study.noise.settings,
        function="experiments.noise.run.run",
        code=digest("run_experiment", "experiments.noise.run"),
    script:
        "../../scripts/run_experiment.py"


rule collect_noise:
    """Standard deviations by source of randomness, and what the trainings cost."""
    input:
        results=layout.noise_files("results.csv"),
        provenance=layout.noise_files("provenance.json"),
    output:
        table=table("noise"),
        costs=table("noise_costs"),
    log:
        f"{LOGS}/collect_noise.log",
    conda:
        "../envs/study.yaml"
    params:
        table=call("experiments.noise.quantities.noise_table", seeds=list(study.noise.seeds)),
        costs=call("analysis.experiment_tables.costs_table"),
        code=digest(
            "table",
            "experiments.noise.quantities",
            "analysis.experiment_tables",
            "analysis.columns",
        ),
    script:
        "../../scripts/table.py"


rule plot_noise:
    """The spread of results by source of randomness."""
    input:
        table=table("noise"),
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files("noise"), "noise", "Models/Overview", "Sources of randomness"
        ),
    log:
        f"{LOGS}/plot_noise.log",
    conda:
        "../envs/study.yaml"
    params:
        figure=call("experiments.noise.figure.draw", title=study.noise.title),
        code=digest("figure", "experiments.noise.figure", "analysis.columns"),
    script:
        "../../scripts/figure.py"
