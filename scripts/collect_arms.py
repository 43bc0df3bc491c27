"""Read off the study's models what an experiment asks of them."""

from fmstudy import bn_models, measures, runtime, tables

with runtime.job(snakemake.log[0]):
    m = measures.Measures.of(snakemake.input, snakemake.input.labels, snakemake.params.test_samples)
    results, times = bn_models.arms_tables(snakemake.params.arms, m)
    tables.write(results, snakemake.output.table)
    tables.write(times, snakemake.output.times)
