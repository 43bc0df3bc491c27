"""Draw what came out of one experiment on batch normalization."""

import pandas as pd

from fmstudy import bn_figures, runtime, svg

with runtime.job(snakemake.log[0]), svg.style():
    drawing = bn_figures.draw(
        snakemake.params.figure,
        pd.read_csv(snakemake.input.table),
        snakemake.params.settings,
        pd.read_csv(snakemake.input.times),
    )
    svg.save(drawing, snakemake.output.figure)
