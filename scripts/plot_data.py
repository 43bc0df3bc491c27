"""Draw the training set."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np

    from fmstudy import figures, runtime, svg

    counts = runtime.read_json(snakemake.input.summary)["train"]["class_counts"]
    with np.load(snakemake.input.images, allow_pickle=False) as pictures:
        drawing = figures.data_pictures(pictures, counts)
    svg.save(drawing, snakemake.output.figure)
