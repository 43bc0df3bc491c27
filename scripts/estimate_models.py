"""Write the table of intervals of the models' metrics."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import comparing, measures, tables

    params = snakemake.params
    m = measures.Measures.of(snakemake.input, snakemake.input.labels, params.test_samples)
    tables.write(comparing.intervals_table(params.models, m), snakemake.output.table)
