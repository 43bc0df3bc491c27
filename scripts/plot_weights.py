"""Draw what penalties make of the weights."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import figures, svg, tables

    params = snakemake.params
    drawing = figures.weight_histograms(params.models, tables.Runs.holding(snakemake.input))
    svg.save(drawing, snakemake.output.figure)
