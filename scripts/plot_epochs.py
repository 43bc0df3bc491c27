"""Draw the bars of longer training."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import columns, figures, svg

    table = columns.read(snakemake.input.table)
    drawing = figures.epochs_bars(table, snakemake.params.title)
    svg.save(drawing, snakemake.output.figure)
