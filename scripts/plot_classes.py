"""Draw the share of each class that models recognize."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer_figures, svg, tables

    drawing = closer_figures.classes([tables.read(path) for path in snakemake.input])
    svg.save(drawing, snakemake.output.figure)
