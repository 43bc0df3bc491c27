"""Fetch one file of the data set from the first source that has it."""

from fmstudy import runtime
from fmstudy.data import download

with runtime.job(snakemake.log[0]):
    download.fetch(
        snakemake.wildcards.file,
        snakemake.params.sources,
        snakemake.output[0],
        download.Patience(snakemake.params.timeout),
    )
