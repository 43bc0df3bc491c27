"""Pack the study as a research object."""

from pathlib import Path

from fmstudy.workflow import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.analysis.columns import read_rows
    from fmstudy.exports import bundle
    from fmstudy.report import provenance, reuse

    given, params = dict(snakemake.input.items()), snakemake.params
    paths = {key: [it] if isinstance(it, str) else list(it) for key, it in given.items()}
    tables = {Path(path).stem: read_rows(path) for path in paths["tables"]}
    configuration = reuse.packed_files(params.given, paths["configuration"])
    content = bundle.pack(
        runtime.read_json(given["record"]),
        provenance.summary(params.study, tables)["total"],
        reuse.read_citation(given["citation"]),
        reuse.code_files(params.study["device"]),
        {path: text.encode() for path, text in configuration.items()},
        bundle.read_results(paths),
        Path(paths["templates"][0]).parent,
    )
    with runtime.atomic_write(snakemake.output[0]) as file:
        file.write(content)
