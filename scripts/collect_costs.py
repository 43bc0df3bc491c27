"""Write the table of what the trainings cost."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    runs = tables.Runs.holding(snakemake.input)
    table = tables.cost_table(snakemake.params.trainings, runs)
    tables.write(table, snakemake.output.table)
