"""Make the tables of all trainings: what came out, and what it cost."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs, trainings = tables.Runs.holding(snakemake.input), snakemake.params.trainings
    tables.write(tables.runs_table(trainings, runs), snakemake.output.table)
    tables.write(tables.cost_table(trainings, runs), snakemake.output.cost)
