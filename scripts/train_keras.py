"""Train one Keras run with one seed."""

from pathlib import Path

from fmstudy import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import cost, dataset, device, kerasmodels, records
    from fmstudy.spec import RunSpec

    spec, seed = RunSpec.from_dict(snakemake.params.spec), int(snakemake.wildcards.seed)
    device.prepare_device(snakemake.threads)
    laps = cost.Laps()
    data = Path(snakemake.input.x_train).parent
    train = dataset.load_tensors(data, "train", spec.train_samples)
    test = dataset.load_tensors(data, "test", spec.test_samples)
    laps.end("reading")
    result = kerasmodels.train_keras(spec, seed, train, test)
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
