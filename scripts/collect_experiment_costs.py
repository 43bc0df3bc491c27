"""Write the table of what the experiments on batch normalization cost, and which code made them."""

from fmstudy import provenance, runtime, tables

with runtime.job(snakemake.log[0]):
    tables.write(provenance.experiment_costs(snakemake.input), snakemake.output.table)
