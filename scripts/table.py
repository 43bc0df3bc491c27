"""Make tables; the rule names the functions."""

from fmstudy.workflow import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.workflow import calls

    for path, table in calls.make(snakemake):
        runtime.write_table(path, table)
