# Looking closer: which images models get wrong, how sure they are of it, what is in the training
# set twice, and what a model without hidden layers has learned.  For any model, not only for
# those that the report shows.


rule find_duplicates:
    """The most similar training image of every test image, among those that the study uses."""
    input:
        **TENSORS,
    output:
        table=NEIGHBORS,
    log:
        f"{LOGS}/find_duplicates.log",
    priority: priority("find_duplicates")
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        train_samples=study.data["train_samples"],
        test_samples=study.data["test_samples"],
        code=digest("find_duplicates"),
    script:
        "../../scripts/find_duplicates.py"


rule collect_classes:
    input:
        predictions=lambda wildcards: of_runs([study.models[wildcards.model]], "predictions"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/classes_{{model}}.csv",
    log:
        f"{LOGS}/collect_classes/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("collect_classes"),
    script:
        "../../scripts/collect_classes.py"


rule compare_predictions:
    """What all models predict, set side by side: calibration, agreement, hard images, duplicates."""
    input:
        predictions=of_runs(ALL_MODELS, "predictions"),
        metrics=of_runs(ALL_MODELS, "metrics"),
        labels=TENSORS["y_test"],
        neighbors=NEIGHBORS,
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
        models=as_dicts(ALL_MODELS),
        correlation=study.closer.correlation,
        code=digest("compare_predictions"),
    script:
        "../../scripts/compare_predictions.py"


rule plot_predictions:
    """The same as figures, and the share of each class that the models shown recognize."""
    input:
        calibration=table("calibration"),
        agreement=table("agreement"),
        hardest=table("hardest"),
        classes=[table(f"classes_{model.name}") for model in study.closer.models],
        neighbors=NEIGHBORS,
        x_train=TENSORS["x_train"],
        x_test=TENSORS["x_test"],
        fonts=FONTS,
    output:
        **files_of_figures(
            calibration="calibration",
            agreement="agreement",
            hardest="hardest",
            classes="classes",
            duplicates="duplicates",
        ),
    log:
        f"{LOGS}/plot_predictions.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        samples=study.data["test_samples"],
        correlation=study.closer.correlation,
        code=digest("plot_predictions"),
    script:
        "../../scripts/plot_predictions.py"


rule plot_errors:
    input:
        predictions=lambda wildcards: of_runs([study.models[wildcards.model]], "predictions"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        images=TENSORS["x_test"],
        labels=TENSORS["y_test"],
        fonts=FONTS,
    output:
        **files_of_figures(
            confusion="confusion_{model}",
            mistakes="mistakes_{model}",
            calibration="calibration_{model}",
        ),
    log:
        f"{LOGS}/plot_errors/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("plot_errors"),
    script:
        "../../scripts/plot_errors.py"


rule plot_layer:
    input:
        weights=lambda wildcards: of_runs([study.models[wildcards.model]], "weights"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        fonts=FONTS,
    output:
        **figure_files("weights_{model}"),
    log:
        f"{LOGS}/plot_layer/{{model}}.log",
    wildcard_constraints:
        model="|".join(LINEAR) or "none",
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("plot_layer"),
    script:
        "../../scripts/plot_layer.py"
