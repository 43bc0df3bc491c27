"""Make tables: the rule names the function that makes each of them."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import calls, runtime

    for path, table in calls.make(snakemake):
        runtime.write_table(path, table)
