# What others take along: the models as files that need nothing of the study.


# One job for all models, because each takes a fifth of a second.  Which models have files is not
# known before they are trained, so the output is the folder.
rule export_models:
    """Each model as a Keras and an ONNX file with a card, checked against its training."""
    input:
        **({"calibration": table("calibration")} if study.has("closer") else {}),
        runs=run_files(study.models.values(), "weights"),
        x_test=TENSORS["x_test"],
        summary=TENSORS["summary"],
        intervals=table("intervals"),
        citation=CITATION,
        templates=EXPORT_TEMPLATES,
    output:
        folder=directory(layout.exports),
    log:
        f"{LOGS}/export_models.log",
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        study=lambda wildcards: study.title,  # which may hold braces
        models=as_dicts(study.models.values()),
        code=digest("export_models"),
    script:
        "../../scripts/export_models.py"


rule pack_bundle:
    """The study as a research object for archives: results, code, and their provenance."""
    input:
        page=study.report,
        pdf=lambda wildcards: [path for path in reports(wildcards) if path == layout.pdf],
        playground=study.playground.file if study.has("playground") else [],
        tables=TABLES,
        figures=[*FIGURES, *FIGURE_DATA],
        exports=layout.exports,
        record=layout.record,
        summary=TENSORS["summary"],
        citation=CITATION,
        configuration=NAMED_FILES,
        templates=EXPORT_TEMPLATES,
    output:
        layout.bundle,
    log:
        f"{LOGS}/pack_bundle.log",
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        study=REPORT_DATA,
        given=study.given,
        code=digest("pack_bundle"),
    script:
        "../../scripts/pack_bundle.py"
