"""Hold batch normalization in both engines against NumPy float64."""

from pathlib import Path

import pandas as pd

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    from fmstudy import bn_common, bn_equality, device  # import TensorFlow

    device.prepare_device(snakemake.threads)
    settings = snakemake.params.settings
    data = bn_common.load_data(Path(snakemake.input.x_train).parent, settings)
    rows = bn_equality.equality(
        data.fitted, settings["batch_size"], settings["bn_epsilon"], snakemake.params.seed
    )
    tables.write(pd.DataFrame(rows), snakemake.output.table)
