"""Fetch or read the data set, and convert it to tensors and a summary."""

from pathlib import Path

from fmstudy import runtime
from fmstudy.data import dataset

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    dataset.prepare(
        params.data,
        Path(snakemake.output.x_train).parent,
        sources=params.sources,
        timeout=params.timeout,
    )
