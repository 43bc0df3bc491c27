"""Hold batch normalization in both engines against NumPy float64."""

from pathlib import Path

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from fmstudy import bn_common, bn_equality, device, tables

    device.prepare_device(snakemake.threads)
    settings = snakemake.params.settings
    data = bn_common.load_data(Path(snakemake.input.x_train).parent, settings)
    rows = bn_equality.equality(
        data.fitted, settings["batch_size"], settings["bn_epsilon"], snakemake.params.seed
    )
    tables.write(pd.DataFrame(rows), snakemake.output.table)
