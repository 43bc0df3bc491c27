"""Draw the bars of longer training."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    table = tables.read(snakemake.input.table)
    drawing = figures.epochs_bars(table, snakemake.params.title)
    svg.save(drawing, snakemake.output.figure)
