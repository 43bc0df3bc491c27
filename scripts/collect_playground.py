"""Collect the models and images of the playground, and how well they agree with the trainings."""

from fmstudy.workflow import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.workflow import calls

    for path, content in calls.make(snakemake):
        write = runtime.write_arrays if isinstance(content, dict) else runtime.write_table
        write(path, content)
