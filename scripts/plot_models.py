"""Draw the test accuracy of all models."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import columns, figures, svg, tables

    params = snakemake.params
    table = tables.models_table(params.models, tables.Runs.holding(snakemake.input.runs))
    comparisons = columns.read(snakemake.input.comparisons)
    drawing = figures.models_overview(table, params.published, comparisons)
    svg.save(drawing, snakemake.output.figure)
