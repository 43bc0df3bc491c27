"""Draw which classes a model takes for which."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer_figures, predictions, svg

    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    svg.save(closer_figures.confusion_map(labels, predicted), snakemake.output.figure)
