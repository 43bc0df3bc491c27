"""Write the table of accuracies with and without near-duplicates."""

from fmstudy import duplicates, predictions, runtime, tables

with runtime.job(snakemake.log[0]):
    import pandas as pd

    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    neighbours = pd.read_csv(files.neighbours)
    correlation = snakemake.params.correlation
    table = duplicates.duplicates_table(labels, neighbours, models, correlation)
    tables.write(table, snakemake.output.table)
