"""Collect the data of the report's explorer for all models."""

from fmstudy.workflow import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy.report import explorer
    from fmstudy.workflow import calls

    for path, content in calls.make(snakemake):
        explorer.write(content, path)
