"""Draw a layer of a network without and with batch normalization."""

from fmstudy import bn_figures, runtime, svg

with runtime.job(snakemake.log[0]), svg.style():
    svg.save(bn_figures.network_picture(), snakemake.output.figure)
