"""Read off the study's models what an experiment asks of them."""

from pathlib import Path

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_judging, bn_models, dataset, measures, tables

    params, labels = snakemake.params, snakemake.input.y_test
    m = measures.Measures.of(snakemake.input.runs, labels, params.test_samples)
    x_train, _ = dataset.load_tensors(Path(labels).parent, "train", params.train_samples)
    test = dataset.load_tensors(Path(labels).parent, "test", params.test_samples)
    results, times = bn_models.arms_tables(params.arms, m, bn_models.Images(x_train, *test))
    tables.write(results, snakemake.output.table)
    tables.write(times, snakemake.output.times)
    bn_judging.write_judged(snakemake.output, **params.judging)
