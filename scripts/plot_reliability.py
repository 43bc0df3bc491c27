"""Draw how right a model is at each confidence."""

from fmstudy import closer_figures, predictions, runtime, svg

with runtime.job(snakemake.log[0]):
    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    svg.save(closer_figures.reliability_diagram(labels, predicted), snakemake.output.figure)
