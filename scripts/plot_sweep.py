"""Draw the final metrics of a sweep."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import figures, svg, tables

    drawing = figures.sweep_summary(tables.read(snakemake.input.table), snakemake.params.sweep)
    svg.save(drawing, snakemake.output.figure)
