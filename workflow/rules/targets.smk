# What a person may ask for by name; `snakemake --list-target-rules` prints it.


rule data:
    """The data: fetched, checked, and made into tensors."""
    input:
        TENSORS.values(),
        f"{DATA}/summary.json",


rule part_a:
    """Part A, low-level TensorFlow: every model, longer training, depth, penalties, sweeps."""
    input:
        paths.results_of_section("part_a"),
        table("epochs"),
        figure("epochs"),
        table("depth"),
        figure("depth"),
        table("weights"),
        figure("weights"),


rule part_b:
    """Part B, Keras: five depths, dropout, and their comparisons."""
    input:
        paths.results_of_section("part_b"),


rule batchnorm:
    """Part C: every experiment on batch normalization, and what is said of it, judged."""
    input:
        paths.results_of_section("batchnorm"),
        [paths.results_of_experiment(name) for name in study.batchnorm.settings],
        table("bn_predictions"),
        table("bn_claims"),
        table("bn_costs"),
        table("bn_equality"),
        figure("bn_network"),


for experiment in study.batchnorm.settings:

    rule:
        """An experiment on batch normalization: results, quantities, predictions, figures."""
        name:
            f"bn_{experiment.replace('-', '_')}"
        input:
            paths.results_of_experiment(experiment),


for sweep in study.sweeps:

    rule:
        """A sweep of the configuration: table, final metrics against the value, learning curves."""
        name:
            f"sweep_{sweep.replace('-', '_')}"  # a rule's name has no hyphen
        input:
            paths.results_of_sweep(sweep),


rule epochs:
    """Softmax regression trained for longer: table and bars."""
    input:
        table("epochs"),
        figure("epochs"),


rule depth:
    """Softmax, one and two hidden layers side by side: table and figure."""
    input:
        table("depth"),
        figure("depth"),


rule ledger:
    """Every published number against ours, and every claim of the source, with verdicts."""
    input:
        table("ledger"),
        table("claims"),
        table("comparisons"),


rule replicates:
    """More seeds of the models (replicates in the configuration): narrow intervals, ledger."""
    input:
        table("replicates_intervals"),
        table("replicates_comparisons"),
        table("replicates_ledger"),


rule engines:
    """Three engines, one gradient: NumPy, low-level TensorFlow and Keras set side by side."""
    input:
        table("engines"),


rule closer:
    """Looking closer, at every model: mistakes, calibration, agreement, near-duplicates, weights."""
    input:
        paths.neighbors,
        paths.tables_of_errors(ALL_MODELS),
        paths.figures_of_errors(ALL_MODELS),


rule tables:
    """Every table of the report, as CSV."""
    input:
        TABLES,


rule figures:
    """Every figure of the report, as SVG and PNG, with the values that it shows as CSV."""
    input:
        FIGURES,
        PICTURES,
        SHOWN,


rule exports:
    """What there is to reuse: every table as CSV and LaTeX, every figure as SVG, PNG and CSV."""
    input:
        rules.tables.input,
        LATEX,
        rules.figures.input,
