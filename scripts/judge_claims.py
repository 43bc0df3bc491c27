"""Write the table of the source's claims and what became of them."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import judging, measures, published, tables

    params = snakemake.params
    rows = published.read_checked(snakemake.input.published, params.numbers)
    m = measures.Measures.of(snakemake.input, snakemake.input.labels, params.test_samples)
    models = {model["name"]: model for model in params.models}
    subject = judging.Study(models, params.sweeps, params.longer, m)
    tables.write(judging.claims_table(params.claims, rows, subject), snakemake.output.table)
