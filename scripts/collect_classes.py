"""Write the table of a model's scores by class."""

from fmstudy import closer, predictions, runtime, tables

with runtime.job(snakemake.log[0]):
    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    tables.write(closer.classes_table(labels, predicted), snakemake.output.table)
