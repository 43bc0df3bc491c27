"""Write the table of gaps over epochs."""

from fmstudy import comparing, runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = comparing.gaps_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
