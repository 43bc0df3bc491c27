"""Write the table of a model's scores by class."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer, predictions, tables

    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    tables.write(closer.classes_table(labels, predicted), snakemake.output.table)
