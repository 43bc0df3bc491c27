"""Measure how fast this machine multiplies large matrices on one thread."""

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    from fmstudy import device, machine  # import TensorFlow

    device.prepare_device(snakemake.threads)
    tables.write(machine.product_rate(snakemake.threads), snakemake.output.table)
