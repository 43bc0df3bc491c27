"""Write the table of near-duplicates by their likeness."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from fmstudy import duplicates, tables

    neighbours = pd.read_csv(snakemake.input.neighbours)
    table = duplicates.similarity_table(neighbours, snakemake.params.correlation)
    tables.write(table, snakemake.output.table)
