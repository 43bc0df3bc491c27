"""Train one Keras run with one seed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own remarks; before its import

from fmstudy import dataset, kerasmodels, records, runtime
from fmstudy.spec import RunSpec

with runtime.job(snakemake.log[0]):
    spec, seed = RunSpec.from_dict(snakemake.params.spec), int(snakemake.wildcards.seed)
    kerasmodels.prepare_device(snakemake.threads, seed)
    data = os.path.dirname(snakemake.input.x_train)
    train = dataset.load_tensors(data, "train", spec.train_samples)
    test = dataset.load_tensors(data, "test", spec.test_samples)
    result = kerasmodels.train_keras(spec, seed, train, test)
    records.save(
        dict(snakemake.output.items()),
        spec,
        seed,
        result,
        labels=test[1],
        code=snakemake.params.code,
        threads=snakemake.threads,
    )
