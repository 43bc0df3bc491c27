# The playground: a page in which people try three models, with their weights in it.


rule collect_playground:
    """The models and images of the playground, and its agreement with the trainings."""
    input:
        runs=run_files(study.playground.models, "weights"),
        x_test=TENSORS["x_test"],
        summary=TENSORS["summary"],
    output:
        packed=layout.playground,
        table=table("playground"),
    log:
        f"{LOGS}/collect_playground.log",
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        packed=call("report.playground.pack", models=as_dicts(study.playground.models)),
        table=call("report.playground.agreement_table", models=as_dicts(study.playground.models)),
        code=digest("collect_playground", "report.playground"),
    script:
        "../../scripts/collect_playground.py"


rule render_playground:
    """The page."""
    input:
        packed=layout.playground,
        table=table("playground"),
        summary=TENSORS["summary"],
        pictures=f"{layout.data}/summary.npz",
        page=PLAYGROUND_FILES,
        fonts=FONTS,
    output:
        study.playground.file,
    log:
        f"{LOGS}/render_playground.log",
    conda:
        "../envs/study.yaml"
    params:
        study=description.describe_playground(study),
        code=digest("render_playground"),
    script:
        "../../scripts/render_playground.py"
