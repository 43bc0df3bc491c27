"""Write the table of models."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = tables.models_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
