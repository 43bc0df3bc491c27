"""Bring together what one experiment gave with each of its seeds."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_tables, tables

    seeds = snakemake.params.seeds
    tables.write(bn_tables.results_table(seeds, snakemake.input.results), snakemake.output.table)
    tables.write(bn_tables.times_table(seeds, snakemake.input.provenance), snakemake.output.times)
