"""Write the table of what the experiments on batch normalization cost, and which code made them."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import provenance, tables

    tables.write(provenance.experiment_costs(snakemake.input), snakemake.output.table)
