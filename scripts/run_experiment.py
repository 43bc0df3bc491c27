"""Run one experiment on batch normalization with one seed."""

import importlib
from pathlib import Path

import pandas as pd

from fmstudy import runtime, tables

with runtime.job(snakemake.log[0]):
    from fmstudy import bn_common, device  # import TensorFlow

    device.prepare_device(snakemake.threads)
    params, seed = snakemake.params, int(snakemake.wildcards.seed)
    data = bn_common.load_data(Path(snakemake.input.x_train).parent, params.settings)
    experiment = getattr(importlib.import_module(f"fmstudy.{params.module}"), params.function)
    rows = experiment(params.settings, seed, data)
    tables.write(pd.DataFrame(rows), snakemake.output.results)
