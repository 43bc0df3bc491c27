"""Make tables with TensorFlow; the rule names the functions."""

from fmstudy.workflow import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.engines import device
    from fmstudy.workflow import calls

    device.prepare_device(snakemake.threads, snakemake.params.get("device", "cpu"))
    for path, table in calls.make(snakemake):
        runtime.write_table(path, table)
