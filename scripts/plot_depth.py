"""Draw the comparison of depths."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import columns, figures, svg

    drawing = figures.depth(columns.read(snakemake.input.table))
    svg.save(drawing, snakemake.output.figure)
