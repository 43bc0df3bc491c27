"""Hold the predictions on one experiment against what came out."""

import pandas as pd

from fmstudy import bn_judging, bn_quantities, runtime, tables

with runtime.job(snakemake.log[0]):
    quantities = bn_quantities.quantities(
        snakemake.params.experiment,
        pd.read_csv(snakemake.input.table),
        pd.read_csv(snakemake.input.times),
        snakemake.params.settings,
    )
    tables.write(bn_judging.quantities_table(quantities), snakemake.output.quantities)
    predictions = bn_judging.predictions_table(snakemake.params.predictions, quantities)
    tables.write(predictions, snakemake.output.predictions)
