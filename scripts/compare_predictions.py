"""Set side by side what all models predict: calibration, agreement, hard images, duplicates."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from fmstudy import calibration, closer, duplicates, predictions, tables

    files, correlation = snakemake.input, snakemake.params.correlation
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    neighbors = pd.read_csv(files.neighbors)
    found = {
        "calibration": calibration.calibration_table(labels, models),
        "agreement": closer.agreement_table(labels, models),
        "hardest": closer.hardest_table(labels, models),
        "similarity": duplicates.similarity_table(neighbors, correlation),
        "duplicates": duplicates.duplicates_table(labels, neighbors, models, correlation),
    }
    for name, table in found.items():
        tables.write(table, snakemake.output[name])
