# Error analysis: misclassified images, calibration, near-duplicates of training images, and the
# weights of models without hidden layers; for any model, not only those in the report.


rule find_duplicates:
    """The most similar training image of every test image that the study uses."""
    input:
        **TENSORS,
    output:
        table=layout.neighbors,
    log:
        f"{LOGS}/find_duplicates.log",
    priority: priority("find_duplicates")
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        table=call("analysis.duplicates.find_duplicates", **study.sizes),
        code=digest("table", "analysis.duplicates"),
    script:
        "../../scripts/table.py"


rule collect_classes:
    """Precision, recall and confusions of a model, by class."""
    input:
        runs=lambda wildcards: run_files([study.models[wildcards.model]]),
    output:
        table=table("classes_{model}"),
    log:
        f"{LOGS}/collect_classes/{{model}}.log",
    wildcard_constraints:
        model=any_of(study.models),
    conda:
        "../envs/study.yaml"
    params:
        table=call("analysis.error_analysis.classes_table", model=this_model),
        code=digest("table", "analysis.error_analysis"),
    script:
        "../../scripts/table.py"


rule compare_predictions:
    """Comparison of all models' predictions: calibration, agreement, hard images, duplicates."""
    input:
        runs=run_files(ALL_MODELS),
        neighbors=layout.neighbors,
    output:
        calibration=table("calibration"),
        agreement=table("agreement"),
        hardest=table("hardest"),
        similarity=table("similarity"),
        duplicates=table("duplicates"),
    log:
        f"{LOGS}/compare_predictions.log",
    conda:
        "../envs/study.yaml"
    params:
        calibration=call("analysis.calibration.calibration_table", models=as_dicts(ALL_MODELS)),
        agreement=call("analysis.error_analysis.agreement_table", models=as_dicts(ALL_MODELS)),
        hardest=call("analysis.error_analysis.hardest_table", models=as_dicts(ALL_MODELS)),
        similarity=call(
            "analysis.duplicates.similarity_table", correlation=study.errors.correlation
        ),
        duplicates=call(
            "analysis.duplicates.duplicates_table",
            models=as_dicts(ALL_MODELS),
            correlation=study.errors.correlation,
        ),
        code=digest(
            *("table", "analysis.calibration", "analysis.error_analysis"),
            *("analysis.duplicates", "analysis.columns"),
        ),
    script:
        "../../scripts/table.py"


rule plot_predictions:
    """Calibration, agreement and hard images as figures, and the recall of each class."""
    input:
        **TENSORS,
        errors=table("calibration"),
        likeness=table("agreement"),
        missed=table("hardest"),
        by_class=[table(f"classes_{model.name}") for model in study.errors.models],
        neighbors=layout.neighbors,
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files(
                {
                    name: name
                    for name in ("calibration", "agreement", "hardest", "classes", "duplicates")
                }
            ),
            "calibration",
            "Errors",
            "Calibration",
        ),
    log:
        f"{LOGS}/plot_predictions.log",
    conda:
        "../envs/study.yaml"
    params:
        calibration=call("figures.errors.calibration_overview"),
        agreement=call("figures.errors.agreement", models=as_dicts(ALL_MODELS)),
        hardest=call("figures.errors.hardest"),
        classes=call("figures.errors.classes"),
        duplicates=call("figures.errors.duplicates", correlation=study.errors.correlation),
        code=digest("figure", "figures.errors", "analysis.columns"),
    script:
        "../../scripts/figure.py"


rule plot_errors:
    """The confusion matrix of a model, and the images that it misclassifies."""
    input:
        runs=lambda wildcards: run_files([study.models[wildcards.model]]),
        images=TENSORS["x_test"],
        fonts=FONTS,
    output:
        **main_result(
            layout.figure_files(
                {
                    "confusion": "confusion_{model}",
                    "mistakes": "mistakes_{model}",
                },
                model=[model.name for model in study.errors.models],
            ),
            "confusion",
            "Errors",
            "Confusion matrix: {model}",
        ),
    log:
        f"{LOGS}/plot_errors/{{model}}.log",
    wildcard_constraints:
        model=any_of(study.models),
    conda:
        "../envs/study.yaml"
    params:
        confusion=call("figures.errors.confusion_map", model=this_model),
        mistakes=call("figures.errors.mistakes", model=this_model),
        code=digest("figure", "figures.errors"),
    script:
        "../../scripts/figure.py"


rule plot_layer:
    """The weights of a model without hidden layers, as one image per class."""
    input:
        runs=lambda wildcards: run_files([study.models[wildcards.model]], "weights"),
        fonts=FONTS,
    output:
        **layout.figure_files("weights_{model}", model=layout.linear(study.errors.models)),
    log:
        f"{LOGS}/plot_layer/{{model}}.log",
    wildcard_constraints:
        model=any_of(layout.linear(study.models.values())),
    conda:
        "../envs/study.yaml"
    params:
        figure=call("figures.errors.weight_images", model=this_model),
        code=digest("figure", "figures.errors"),
    script:
        "../../scripts/figure.py"
