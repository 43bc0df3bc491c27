"""Draw the calibration of all models."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer_figures, svg, tables

    drawing = closer_figures.calibrations(tables.read(snakemake.input.table))
    svg.save(drawing, snakemake.output.figure)
