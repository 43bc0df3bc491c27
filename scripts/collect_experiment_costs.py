"""Bring together what the experiments on batch normalization cost."""

from fmstudy import bn_tables, runtime, tables

with runtime.job(snakemake.log[0]):
    tables.write(bn_tables.costs_table(snakemake.input), snakemake.output.table)
