"""Draw a sweep: final metrics against the value, and the learning curves."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import columns, figures, svg, tables

    files, params = snakemake.input, snakemake.params
    summary = figures.sweep_summary(columns.read(files.table), params.sweep)
    svg.save(summary, snakemake.output.summary)
    curves = figures.sweep_curves(params.models, params.sweep, tables.Runs.holding(files))
    svg.save(curves, snakemake.output.curves)
