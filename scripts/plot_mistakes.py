"""Draw a model's most confident mistakes."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np

    from fmstudy import closer_figures, predictions, svg

    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    images = np.load(files.images, mmap_mode="r", allow_pickle=False)
    svg.save(closer_figures.mistakes(labels, predicted, images), snakemake.output.figure)
