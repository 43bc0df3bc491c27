"""Write the table of all trainings."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs = tables.Runs.holding(snakemake.input)
    table = tables.runs_table(snakemake.params.trainings, runs)
    tables.write(table, snakemake.output.table)
