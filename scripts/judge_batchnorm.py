"""Judge what is said of batch normalization by all experiments."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_judging, tables

    predictions = bn_judging.all_predictions(
        snakemake.input.predictions, snakemake.params.predictions
    )
    tables.write(predictions, snakemake.output.predictions)
    claims = bn_judging.claims_table(snakemake.params.claims, predictions)
    tables.write(claims, snakemake.output.claims)
