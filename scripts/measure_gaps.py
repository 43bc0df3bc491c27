"""Write the table of gaps over epochs."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import comparing, tables

    runs = tables.Runs.holding(snakemake.input)
    table = comparing.gaps_table(snakemake.params.models, runs)
    tables.write(table, snakemake.output.table)
