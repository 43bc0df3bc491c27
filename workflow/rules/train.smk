# One job per training: one run, one seed, one thread, so that results do not depend on the number
# of concurrent jobs.  The longest start first.


rule train_lowlevel:
    """One training of a model in low-level TensorFlow, with one seed."""
    input:
        **TENSORS,
    output:
        **layout.training_files(),
    log:
        f"{LOGS}/train_lowlevel/{{run}}/seed-{{seed}}.log",
    wildcard_constraints:
        run=any_of(name for name, run in study.runs.items() if run.engine == "lowlevel"),
    priority: priority("train_lowlevel")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        **GPUS,
        mem_mb=memory,
        runtime=minutes,
    params:
        **DEVICE,
        spec=lambda wildcards: study.runs[wildcards.run].as_dict(),
        function="engines.full_batch.train_lowlevel",
        code=digest("train", "engines.full_batch"),
    script:
        "../../scripts/train.py"


rule train_keras:
    """One training of a model in Keras, with one seed."""
    input:
        **TENSORS,
    output:
        **layout.training_files(),
    log:
        f"{LOGS}/train_keras/{{run}}/seed-{{seed}}.log",
    wildcard_constraints:
        run=any_of(name for name, run in study.runs.items() if run.engine == "keras"),
    priority: priority("train_keras")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        **GPUS,
        mem_mb=memory,
        runtime=minutes,
    params:
        **DEVICE,
        spec=lambda wildcards: study.runs[wildcards.run].as_dict(),
        function="engines.keras_models.train_keras",
        code=digest("train", "engines.keras_models"),
    script:
        "../../scripts/train.py"
