"""Draw the share of each class that models recognize."""

from fmstudy import closer_figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    drawing = closer_figures.classes([tables.read(path) for path in snakemake.input])
    svg.save(drawing, snakemake.output.figure)
