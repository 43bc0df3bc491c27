"""Write the table of a sweep."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import tables

    runs = tables.Runs.holding(snakemake.input)
    table = tables.sweep_table(snakemake.params.values, snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
