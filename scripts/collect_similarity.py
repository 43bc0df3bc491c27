"""Write the table of near-duplicates by their likeness."""

from fmstudy import duplicates, runtime, tables

with runtime.job(snakemake.log[0]):
    import pandas as pd

    neighbours = pd.read_csv(snakemake.input.neighbours)
    table = duplicates.similarity_table(neighbours, snakemake.params.correlation)
    tables.write(table, snakemake.output.table)
