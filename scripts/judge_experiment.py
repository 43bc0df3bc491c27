"""Hold the predictions on one experiment against what came out."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_judging, bn_quantities, bn_tables, tables

    quantities = bn_quantities.quantities(
        snakemake.params.experiment,
        bn_tables.read(snakemake.input.table),
        bn_tables.read(snakemake.input.times),
        snakemake.params.settings,
    )
    tables.write(bn_judging.quantities_table(quantities), snakemake.output.quantities)
    predictions = bn_judging.predictions_table(snakemake.params.predictions, quantities)
    tables.write(predictions, snakemake.output.predictions)
