"""Draw the calibration of all models."""

from fmstudy import closer_figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    drawing = closer_figures.calibrations(tables.read(snakemake.input.table))
    svg.save(drawing, snakemake.output.figure)
