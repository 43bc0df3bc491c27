"""Write the table that tells whether the study's statistics keep what they promise."""

import numpy as np
from threadpoolctl import threadpool_limits

from fmstudy import runtime, simulation, tables

with runtime.job(snakemake.log[0]), threadpool_limits(1):
    params, data = snakemake.params, {}
    for part, count in (("train", simulation.TRAINED_ON), ("test", simulation.TESTED_ON)):
        x, y = (np.load(snakemake.input[f"{it}_{part}"], mmap_mode="r") for it in ("x", "y"))
        data[part] = np.ascontiguousarray(x[:, :count].T), y[:, :count].argmax(axis=0)
    table = simulation.checks_table(params.pairs, params.repetitions, data["train"], data["test"])
    tables.write(table, snakemake.output.table)
