"""Write each of the study's tables as LaTeX beside its CSV."""

from fmstudy import runtime
from fmstudy.report import latex

with runtime.job(snakemake.log[0]):
    for table, written in zip(snakemake.input, snakemake.output, strict=True):
        runtime.write_text(written, latex.export(table))
