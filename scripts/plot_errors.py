"""Draw which images a model gets wrong: confusion, confident mistakes, reliability."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np

    from fmstudy import closer_figures, predictions, svg

    files = snakemake.input
    labels, [predicted] = predictions.read_all(
        snakemake.params.models, files.predictions, files.labels
    )
    images = np.load(files.images, mmap_mode="r", allow_pickle=False)
    drawings = {
        "confusion": closer_figures.confusion_map(labels, predicted),
        "mistakes": closer_figures.mistakes(labels, predicted, images),
        "calibration": closer_figures.reliability_diagram(labels, predicted),
    }
    for name, drawing in drawings.items():
        svg.save(drawing, snakemake.output[name])
