"""Convert the four files of the data set to tensors and a summary."""

from pathlib import Path

from fmstudy import runtime
from fmstudy.data import dataset

with runtime.job(snakemake.log[0]):
    dataset.prepare(
        sources=Path(snakemake.input[0]).parent, destination=Path(snakemake.output.x_train).parent
    )
