"""Write the table of planned comparisons of models."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import comparing, measures, tables

    params = snakemake.params
    m = measures.Measures.of(snakemake.input, snakemake.input.labels, params.test_samples)
    models = {model["name"]: model for model in params.models}
    table = comparing.comparisons_table(params.comparisons, models, m)
    tables.write(table, snakemake.output.table)
