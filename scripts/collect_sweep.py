"""Write the table of a sweep."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = tables.sweep_table(snakemake.params.values, snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
