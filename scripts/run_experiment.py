"""Run one experiment on batch normalization with one seed."""

import importlib
import time
from pathlib import Path

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from fmstudy import bn_best, bn_common, device, runtime, tables

    started = time.perf_counter()
    device.prepare_device(snakemake.threads)
    params, seed = snakemake.params, int(snakemake.wildcards.seed)
    settings = dict(params.settings)
    if rates := snakemake.input.get("rates"):
        settings["best"] = bn_best.best_rates(pd.read_csv(rates), settings)
    data = bn_common.load_data(Path(snakemake.input.x_train).parent, settings)
    experiment = getattr(importlib.import_module(f"fmstudy.{params.module}"), params.function)
    rows = experiment(settings, seed, data)
    results, times = bn_common.without_times(rows)
    tables.write(results, snakemake.output.results)
    runtime.write_json(
        snakemake.output.provenance,
        {
            "experiment": snakemake.wildcards.experiment,
            "seed": seed,
            "code": params.code,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": round(time.perf_counter() - started, 3),
            "peak_memory_mb": runtime.peak_memory_mb(),
            "threads": snakemake.threads,
            "times": times,
            "machine": runtime.machine(),
        },
    )
