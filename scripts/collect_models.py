"""Write the table of models."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs = tables.Runs.holding(snakemake.input)
    table = tables.models_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
