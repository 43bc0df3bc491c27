"""Write the table that holds the engines against each other."""

from pathlib import Path

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import dataset, device, engines, tables

    device.prepare_device(snakemake.threads)
    data = Path(snakemake.input.x_train).parent
    x, labels = dataset.load_tensors(data, "train", snakemake.params.images)
    table = engines.engines_table(x, labels, snakemake.params.steps)
    tables.write(table, snakemake.output.table)
