"""Write the table of calibration."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import calibration, predictions, tables

    files = snakemake.input
    labels, models = predictions.read_all(snakemake.params.models, files.predictions, files.labels)
    tables.write(calibration.calibration_table(labels, models), snakemake.output.table)
