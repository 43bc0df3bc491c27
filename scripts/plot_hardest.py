"""Draw the images that every model gets wrong."""

from fmstudy import closer_figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    import numpy as np

    images = np.load(snakemake.input.images, mmap_mode="r", allow_pickle=False)
    table = tables.read(snakemake.input.table)
    drawing = closer_figures.hardest(table, images, snakemake.params.samples)
    svg.save(drawing, snakemake.output.figure)
