"""Train one low-level run with one seed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own remarks; before its import

from fmstudy import dataset, records, runtime, training
from fmstudy.spec import RunSpec

with runtime.job(snakemake.log[0]):
    training.prepare_device(snakemake.threads)
    spec, seed = RunSpec.from_dict(snakemake.params.spec), int(snakemake.wildcards.seed)
    data = os.path.dirname(snakemake.input.x_train)
    train = dataset.load_tensors(data, "train", spec.train_samples)
    test = dataset.load_tensors(data, "test", spec.test_samples)
    result = training.train_lowlevel(spec, seed, train, test)
    records.save(
        dict(snakemake.output.items()),
        spec,
        seed,
        result,
        labels=test[1],
        code=snakemake.params.code,
        threads=snakemake.threads,
    )
