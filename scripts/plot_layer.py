"""Draw the weights of a model's only layer, a picture for each class."""

from fmstudy import closer_figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    [model] = snakemake.params.models
    drawing = closer_figures.layer(model, tables.Runs.holding(snakemake.input.weights))
    svg.save(drawing, snakemake.output.figure)
