"""Draw a layer of a network without and with batch normalization."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_figures, svg

    with svg.style():
        svg.save(bn_figures.network_picture(), snakemake.output.figure)
