"""Write the table of how alike models are."""

from fmstudy import closer, predictions, runtime, tables

with runtime.job(snakemake.log[0]):
    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    tables.write(closer.agreement_table(labels, models), snakemake.output.table)
