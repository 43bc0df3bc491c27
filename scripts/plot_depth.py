"""Draw the comparison of depths."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    drawing = figures.depth(tables.read(snakemake.input.table))
    svg.save(drawing, snakemake.output.figure)
