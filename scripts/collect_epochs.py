"""Write the table of longer training."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs = tables.Runs.holding(snakemake.input)
    table = tables.epochs_table(snakemake.params.at, snakemake.params.model, runs)
    tables.write(table, snakemake.output.table)
