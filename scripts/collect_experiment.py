"""Bring together what one experiment gave with each of its seeds."""

from fmstudy import bn_tables, runtime, tables

with runtime.job(snakemake.log[0]):
    seeds = snakemake.params.seeds
    tables.write(bn_tables.results_table(seeds, snakemake.input.results), snakemake.output.table)
    tables.write(bn_tables.times_table(seeds, snakemake.input.provenance), snakemake.output.times)
