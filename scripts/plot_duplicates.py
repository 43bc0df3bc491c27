"""Draw near-duplicates."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np
    import pandas as pd

    from fmstudy import closer_figures, svg

    files = snakemake.input
    x_test, x_train = (np.load(path, mmap_mode="r") for path in (files.x_test, files.x_train))
    neighbours = pd.read_csv(files.neighbours)
    correlation = snakemake.params.correlation
    drawing = closer_figures.duplicates(neighbours, correlation, x_test, x_train)
    svg.save(drawing, snakemake.output.figure)
