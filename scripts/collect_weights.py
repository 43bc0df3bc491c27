"""Write the table of what penalties make of the weights."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs = tables.Runs.holding(snakemake.input)
    table = tables.weights_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
