"""Write the ledger of published against reproduced numbers."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import ledger, measures, published, tables

    params = snakemake.params
    rows = published.read_checked(snakemake.input.published, params.numbers)
    m = measures.Measures.of(snakemake.input, snakemake.input.labels, params.test_samples)
    models = {model["name"]: model for model in params.models}
    table = ledger.ledger_table(rows, params.redone_by, models, params.whole, m)
    tables.write(table, snakemake.output.table)
