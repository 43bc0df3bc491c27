"""Write the table of accuracies with and without near-duplicates."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from fmstudy import duplicates, predictions, tables

    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    neighbours = pd.read_csv(files.neighbours)
    correlation = snakemake.params.correlation
    table = duplicates.duplicates_table(labels, neighbours, models, correlation)
    tables.write(table, snakemake.output.table)
