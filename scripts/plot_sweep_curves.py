"""Draw the learning curves of a sweep."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import figures, svg, tables

    params = snakemake.params
    drawing = figures.sweep_curves(
        params.models, params.sweep, tables.Runs.holding(snakemake.input)
    )
    svg.save(drawing, snakemake.output.figure)
