"""Collect what the report's explorer shows of all models."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import calls, explorer

    for path, content in calls.make(snakemake):
        explorer.write(content, path)
