"""Write the table of what penalties make of the weights."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = tables.weights_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
