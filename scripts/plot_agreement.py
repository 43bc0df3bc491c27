"""Draw how alike models are."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer_figures, svg, tables

    table = tables.read(snakemake.input.table)
    drawing = closer_figures.agreement(table, snakemake.params.models)
    svg.save(drawing, snakemake.output.figure)
