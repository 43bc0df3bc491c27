"""Train one low-level run with one seed."""

from pathlib import Path

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import cost, dataset, device, records, training
    from fmstudy.spec import RunSpec

    device.prepare_device(snakemake.threads)
    laps = cost.Laps()
    spec, seed = RunSpec.from_dict(snakemake.params.spec), int(snakemake.wildcards.seed)
    data = Path(snakemake.input.x_train).parent
    train = dataset.load_tensors(data, "train", spec.train_samples)
    test = dataset.load_tensors(data, "test", spec.test_samples)
    laps.end("reading")
    result = training.train_lowlevel(spec, seed, train, test)
    laps.end("engine")
    records.save(
        dict(snakemake.output.items()),
        spec,
        seed,
        result,
        labels=test[1],
        code=snakemake.params.code,
        threads=snakemake.threads,
        laps=laps,
    )
