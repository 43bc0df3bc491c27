"""Collect what an experiment gave with all its seeds, and test the predictions on it."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_best, bn_judging, bn_tables, tables

    seeds, files = snakemake.params.seeds, snakemake.input
    tables.write(bn_best.results_table(seeds, files.results), snakemake.output.table)
    tables.write(bn_tables.times_table(seeds, files.provenance), snakemake.output.times)
    bn_judging.write_judged(snakemake.output, **snakemake.params.judging)
