"""Measure how fast this machine multiplies large matrices on one thread."""

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import device, machine, tables

    device.prepare_device(snakemake.threads)
    tables.write(machine.product_rate(snakemake.threads), snakemake.output.table)
