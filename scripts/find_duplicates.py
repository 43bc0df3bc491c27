"""Find the most similar training image of every test image."""

from pathlib import Path

from fmstudy import dataset, duplicates, runtime, tables

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    directory = Path(snakemake.input.x_test).parent
    x_test, y_test = dataset.load_tensors(directory, "test", params.test_samples)
    x_train, y_train = dataset.load_tensors(directory, "train", params.train_samples)
    found = duplicates.find_neighbors(x_test, x_train)
    labels = y_test.argmax(axis=0), y_train.argmax(axis=0)
    tables.write(duplicates.neighbors_table(found, *labels), snakemake.output.table)
