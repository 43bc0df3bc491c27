# Targets for people; `snakemake --list-target-rules` prints them.


rule data:
    """The data: fetched, verified, and converted to tensors."""
    input:
        TENSORS.values(),


if layout.section_results("part_a"):

    rule part_a:
        """Models in low-level TensorFlow (Part A): metrics, curves, depth, penalties, sweeps."""
        input:
            layout.section_results("part_a"),
            layout.group_results("epochs", "depth", "weights"),


if layout.section_results("part_b"):

    rule part_b:
        """Models in Keras (Part B): metrics, learning curves, and comparisons."""
        input:
            layout.section_results("part_b"),


if study.has("batchnorm") or layout.section_results("batchnorm"):

    rule batchnorm:
        """Batch normalization (Part C): every experiment, with verdicts on common claims."""
        input:
            layout.section_results("batchnorm"),
            [layout.experiment_results(name) for name in study.batchnorm.settings],
            layout.group_results("batchnorm"),


# A rule's name has no hyphen, and Snakemake takes no docstring with values in it.
for experiment in study.batchnorm.settings:
    target = f"bn_{experiment.replace('-', '_')}"

    rule:
        name:
            target
        input:
            layout.experiment_results(experiment),

    getattr(rules, target).rule.docstring = description.experiment_line(experiment)


for sweep in study.sweeps:
    target = f"sweep_{sweep.replace('-', '_')}"

    rule:
        name:
            target
        input:
            layout.sweep_results(sweep),

    getattr(rules, target).rule.docstring = description.sweep_line(study.sweeps[sweep])


if study.has("epochs"):

    rule epochs:
        """Softmax regression trained for longer: table and bars."""
        input:
            layout.group_results("epochs"),


if study.has("depth"):

    rule depth:
        """Models with more and more hidden layers: table and figures."""
        input:
            layout.group_results("depth"),


if study.has("noise"):

    rule noise:
        """How much each source of randomness moves the result of one model: table and figure."""
        input:
            layout.group_results("noise"),


if layout.group_results("published", "claims", "comparisons"):

    rule ledger:
        """Planned comparisons, and the source's numbers and claims, if any, with verdicts."""
        input:
            layout.group_results("published", "claims", "comparisons"),


if study.has("replicates"):

    rule replicates:
        """The models under `replicates` with more seeds: narrower intervals."""
        input:
            table("replicates_intervals"),
            [table("replicates_comparisons")] if study.has("comparisons") else [],
            [table("replicates_ledger")] if study.has("published") else [],


if study.has("checks"):

    rule engines:
        """Comparison of three engines: NumPy, low-level TensorFlow and Keras."""
        input:
            table("engines"),


if study.has("closer"):

    rule closer:
        """Error analysis: mistakes, calibration, agreement, near-duplicates, weights."""
        input:
            layout.neighbors,
            layout.error_tables(ALL_MODELS),
            rules.plot_predictions.output,
            [
                layout.figure(f"{kind}_{model.name}")
                for kind in ("confusion", "mistakes")
                for model in ALL_MODELS
            ],
            [layout.figure(f"weights_{name}") for name in layout.linear(ALL_MODELS)],


if study.has("playground"):

    rule playground:
        """A page with models to play with: draw an image, or drop a photo."""
        input:
            study.playground.file,


rule tables:
    """Every table of the report, as CSV."""
    input:
        TABLES,


rule figures:
    """Every figure of the report, as SVG and PNG, with its values as CSV."""
    input:
        FIGURES,
        PNGS,
        FIGURE_DATA,


rule exports:
    """Everything for reuse: models as Keras and ONNX files, tables as CSV and LaTeX, figures."""
    input:
        layout.exports,
        rules.tables.input,
        LATEX,
        rules.figures.input,


rule bundle:
    """The study for Zenodo or WorkflowHub: report, tables, models, code and provenance in a zip."""
    input:
        layout.bundle,
