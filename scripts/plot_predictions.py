"""Draw what all models predict: calibration, agreement, classes, hard images, duplicates."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import numpy as np
    import pandas as pd

    from fmstudy import closer_figures, svg, tables

    files, params = snakemake.input, snakemake.params
    x_train, x_test = (
        np.load(path, mmap_mode="r", allow_pickle=False) for path in (files.x_train, files.x_test)
    )
    calibration, agreement, hardest = (
        tables.read(path) for path in (files.calibration, files.agreement, files.hardest)
    )
    neighbors = pd.read_csv(files.neighbors)
    drawings = {
        "calibration": closer_figures.calibrations(calibration),
        "agreement": closer_figures.agreement(agreement, params.models),
        "hardest": closer_figures.hardest(hardest, x_test, params.samples),
        "classes": closer_figures.classes([tables.read(path) for path in files.classes]),
        "duplicates": closer_figures.duplicates(neighbors, params.correlation, x_test, x_train),
    }
    for name, drawing in drawings.items():
        svg.save(drawing, snakemake.output[name])
