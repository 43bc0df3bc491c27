"""Draw the images that every model gets wrong."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np

    from fmstudy import closer_figures, svg, tables

    images = np.load(snakemake.input.images, mmap_mode="r", allow_pickle=False)
    table = tables.read(snakemake.input.table)
    drawing = closer_figures.hardest(table, images, snakemake.params.samples)
    svg.save(drawing, snakemake.output.figure)
