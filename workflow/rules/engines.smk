# Comparison of the engines with NumPy.


rule compare_engines:
    """The first gradients and trajectories of three engines."""
    input:
        **TENSORS,
    output:
        table=table("engines"),
    log:
        f"{LOGS}/compare_engines.log",
    priority: priority("compare_engines")
    conda:
        "../envs/study.yaml"
    resources:
        **GPUS,
        mem_mb=2500,
        runtime=5,
    params:
        **DEVICE,
        # Small studies use fewer images, but more than one chunk of the low-level engine, and
        # fewer steps.
        table=call(
            "checks.three_engines.compare_engines",
            images=min(1000, study.data["train_samples"], 200 + study.data["train_samples"] // 75),
            steps=min(20, 2 + study.data["train_samples"] // 600),
        ),
        code=digest("check", "checks.three_engines"),
    script:
        "../../scripts/check.py"
