"""Draw the weights of a model's only layer, a picture for each class."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import closer_figures, svg, tables

    [model] = snakemake.params.models
    drawing = closer_figures.layer(model, tables.Runs.holding(snakemake.input.weights))
    svg.save(drawing, snakemake.output.figure)
