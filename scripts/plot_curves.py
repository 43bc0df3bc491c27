"""Draw the learning curves of one model, or of several on shared axes."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import figures, svg, tables

    params = snakemake.params
    runs = tables.Runs.holding(snakemake.input)
    drawing = figures.learning_curves(params.models, runs, params.published)
    svg.save(drawing, snakemake.output.figure)
