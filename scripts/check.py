"""Make a table by computing with TensorFlow: the rule names the function."""

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import calls, device, runtime

    device.prepare_device(snakemake.threads)
    for path, table in calls.make(snakemake):
        runtime.write_table(path, table)
