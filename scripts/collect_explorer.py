"""Write what the report's explorer shows."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import explorer, predictions, tables

    params = snakemake.params
    labels = predictions.read_labels(snakemake.input.labels, params.test_samples)
    runs = tables.Runs.holding(snakemake.input.metrics)
    explorer.write(
        explorer.collect(params.groups, params.start, runs, labels), snakemake.output.explorer
    )
