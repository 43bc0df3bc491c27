# One job a training: one run, one seed, one thread, so that the results do not depend on how
# many jobs run at a time.  The longest start first, which shortens the end.


rule train_lowlevel:
    input:
        **TENSORS,
    output:
        **TRAINED,
    log:
        f"{LOGS}/train_lowlevel/{{run}}/seed-{{seed}}.log",
    wildcard_constraints:
        run=RUNS_OF["lowlevel"],
    priority: priority("train_lowlevel")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        spec=specification,
        code=digest("train_lowlevel"),
    script:
        "../../scripts/train_lowlevel.py"


rule train_keras:
    input:
        **TENSORS,
    output:
        **TRAINED,
    log:
        f"{LOGS}/train_keras/{{run}}/seed-{{seed}}.log",
    wildcard_constraints:
        run=RUNS_OF["keras"],
    priority: priority("train_keras")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        spec=specification,
        code=digest("train_keras"),
    script:
        "../../scripts/train_keras.py"
