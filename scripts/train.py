"""Train one run with one seed; the rule names the engine's function."""

from pathlib import Path

from fmstudy.workflow import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.data import dataset
    from fmstudy.engines import cost, device, records
    from fmstudy.study.spec import RunSpec

    params = snakemake.params
    engine = runtime.find(params.function)
    device.prepare_device(snakemake.threads, params.get("device", "cpu"))
    laps = cost.Laps()
    spec, seed = RunSpec.from_dict(params.spec), int(snakemake.wildcards.seed)
    data = Path(snakemake.input.x_train).parent
    train = dataset.load_tensors(data, "train", spec.train_samples)
    test = dataset.load_tensors(data, "test", spec.test_samples)
    laps.end("reading")
    training = engine(spec, seed, train, test)
    laps.end("engine")
    files, machine = dict(snakemake.output.items()), device.machine()
    records.save(
        files, spec, seed, training, test[1], params.code, snakemake.threads, laps, machine
    )
