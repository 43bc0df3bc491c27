"""Write the table of calibration."""

from fmstudy import calibration, predictions, runtime, tables

with runtime.job(snakemake.log[0]):
    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    tables.write(calibration.calibration_table(labels, models), snakemake.output.table)
