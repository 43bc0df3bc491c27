"""Export the models of the study as Keras and ONNX files with cards."""

from pathlib import Path

from fmstudy.workflow import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.analysis import columns, verification
    from fmstudy.data.dataset import load_tensor
    from fmstudy.engines.device import prepare_device
    from fmstudy.exports import card, models
    from fmstudy.report import reuse

    prepare_device(snakemake.threads)
    given, params = snakemake.input, snakemake.params
    runs, _ = verification.verified_runs(list(given.runs))
    summary, cited = runtime.read_json(given.summary), reuse.read_citation(given.citation)
    sources = card.Sources(
        params.study,
        summary,
        columns.read_rows(given.intervals),
        columns.read_rows(path) if (path := given.get("calibration")) else [],
        cited,
        runtime.versions(["keras", "onnxruntime"]),
    )
    exported = []
    described = models.description(params.study, summary, cited)
    folder, x_test = Path(snakemake.output.folder), load_tensor(given.x_test)
    for it in models.export(params.models, runs, x_test, summary["shape"], described):
        for ending, content in it.files.items():
            with runtime.atomic_write(folder / f"{it.model['name']}.{ending}") as file:
                file.write(content)
        exported.append((it, runs.metrics(it.model["run"], it.seed)))
    templates = Path(given.templates[0]).parent
    for name, text in card.write(templates, exported, sources, params.models).items():
        runtime.write_text(folder / name, text)
