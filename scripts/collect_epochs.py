"""Write the table of longer training."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = tables.epochs_table(snakemake.params.at, snakemake.params.model, runs)
    tables.write(table, snakemake.output.table)
