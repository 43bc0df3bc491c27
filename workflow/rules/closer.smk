# Looking closer: which images models get wrong, how sure they are of it, what is in the training
# set twice, and what a model without hidden layers has learned.  For any model, not only for
# those that the report shows.


rule find_duplicates:
    """The most similar training image of every test image, among those that the study uses."""
    input:
        **TENSORS,
    output:
        table=NEIGHBOURS,
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


rule collect_calibration:
    """The table of how well models know how sure they may be."""
    input:
        predictions=of_runs(ALL_MODELS, "predictions"),
        metrics=of_runs(ALL_MODELS, "metrics"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/calibration.csv",
    log:
        f"{LOGS}/collect_calibration.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        code=digest("collect_calibration"),
    script:
        "../../scripts/collect_calibration.py"


rule collect_agreement:
    """The table of how alike models are."""
    input:
        predictions=of_runs(ALL_MODELS, "predictions"),
        metrics=of_runs(ALL_MODELS, "metrics"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/agreement.csv",
    log:
        f"{LOGS}/collect_agreement.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        code=digest("collect_agreement"),
    script:
        "../../scripts/collect_agreement.py"


rule collect_hardest:
    """The table of images that every model gets wrong."""
    input:
        predictions=of_runs(ALL_MODELS, "predictions"),
        metrics=of_runs(ALL_MODELS, "metrics"),
        labels=TENSORS["y_test"],
    output:
        table=f"{TABLES_DIRECTORY}/hardest.csv",
    log:
        f"{LOGS}/collect_hardest.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        code=digest("collect_hardest"),
    script:
        "../../scripts/collect_hardest.py"


rule collect_similarity:
    """The table of how many near-duplicates there are at which limit."""
    input:
        neighbours=NEIGHBOURS,
    output:
        table=f"{TABLES_DIRECTORY}/similarity.csv",
    log:
        f"{LOGS}/collect_similarity.log",
    conda:
        "../envs/study.yaml"
    params:
        correlation=study.closer.correlation,
        code=digest("collect_similarity"),
    script:
        "../../scripts/collect_similarity.py"


rule collect_duplicates:
    """The table of accuracies with and without near-duplicates."""
    input:
        predictions=of_runs(ALL_MODELS, "predictions"),
        metrics=of_runs(ALL_MODELS, "metrics"),
        labels=TENSORS["y_test"],
        neighbours=NEIGHBOURS,
    output:
        table=f"{TABLES_DIRECTORY}/duplicates.csv",
    log:
        f"{LOGS}/collect_duplicates.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        correlation=study.closer.correlation,
        code=digest("collect_duplicates"),
    script:
        "../../scripts/collect_duplicates.py"


rule plot_classes:
    """The share of each class that the models shown recognize."""
    input:
        [table(f"classes_{model.name}") for model in study.closer.models],
    output:
        **figure_files("classes"),
    log:
        f"{LOGS}/plot_classes.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("plot_classes"),
    script:
        "../../scripts/plot_classes.py"


rule plot_confusion:
    input:
        predictions=lambda wildcards: of_runs([study.models[wildcards.model]], "predictions"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        labels=TENSORS["y_test"],
    output:
        **figure_files("confusion_{model}"),
    log:
        f"{LOGS}/plot_confusion/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("plot_confusion"),
    script:
        "../../scripts/plot_confusion.py"


rule plot_mistakes:
    input:
        predictions=lambda wildcards: of_runs([study.models[wildcards.model]], "predictions"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        images=TENSORS["x_test"],
        labels=TENSORS["y_test"],
    output:
        **figure_files("mistakes_{model}"),
    log:
        f"{LOGS}/plot_mistakes/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("plot_mistakes"),
    script:
        "../../scripts/plot_mistakes.py"


rule plot_reliability:
    input:
        predictions=lambda wildcards: of_runs([study.models[wildcards.model]], "predictions"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
        labels=TENSORS["y_test"],
    output:
        **figure_files("calibration_{model}"),
    log:
        f"{LOGS}/plot_reliability/{{model}}.log",
    wildcard_constraints:
        model=MODEL_PATTERN,
    conda:
        "../envs/study.yaml"
    params:
        models=lambda wildcards: as_dicts([study.models[wildcards.model]]),
        code=digest("plot_reliability"),
    script:
        "../../scripts/plot_reliability.py"


rule plot_calibration:
    """The calibration error of all models in one figure."""
    input:
        table=f"{TABLES_DIRECTORY}/calibration.csv",
    output:
        **figure_files("calibration"),
    log:
        f"{LOGS}/plot_calibration.log",
    conda:
        "../envs/study.yaml"
    params:
        code=digest("plot_calibration"),
    script:
        "../../scripts/plot_calibration.py"


rule plot_agreement:
    """The map of agreement between all models."""
    input:
        table=f"{TABLES_DIRECTORY}/agreement.csv",
    output:
        **figure_files("agreement"),
    log:
        f"{LOGS}/plot_agreement.log",
    conda:
        "../envs/study.yaml"
    params:
        models=as_dicts(ALL_MODELS),
        code=digest("plot_agreement"),
    script:
        "../../scripts/plot_agreement.py"


rule plot_hardest:
    """The images that every model gets wrong."""
    input:
        table=f"{TABLES_DIRECTORY}/hardest.csv",
        images=TENSORS["x_test"],
    output:
        **figure_files("hardest"),
    log:
        f"{LOGS}/plot_hardest.log",
    conda:
        "../envs/study.yaml"
    params:
        samples=study.data["test_samples"],
        code=digest("plot_hardest"),
    script:
        "../../scripts/plot_hardest.py"


rule plot_duplicates:
    """Near-duplicates, test beside training image."""
    input:
        neighbours=NEIGHBOURS,
        x_train=TENSORS["x_train"],
        x_test=TENSORS["x_test"],
    output:
        **figure_files("duplicates"),
    log:
        f"{LOGS}/plot_duplicates.log",
    conda:
        "../envs/study.yaml"
    params:
        correlation=study.closer.correlation,
        code=digest("plot_duplicates"),
    script:
        "../../scripts/plot_duplicates.py"


rule plot_layer:
    input:
        weights=lambda wildcards: of_runs([study.models[wildcards.model]], "weights"),
        metrics=lambda wildcards: of_runs([study.models[wildcards.model]], "metrics"),
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
