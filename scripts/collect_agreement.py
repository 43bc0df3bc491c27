"""Write the table of how alike models are."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer, predictions, tables

    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    tables.write(closer.agreement_table(labels, models), snakemake.output.table)
