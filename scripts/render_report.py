"""Render the report from the study's tables and figures."""

from pathlib import Path

from fmstudy import report, runtime

with runtime.job(snakemake.log[0]):
    [page] = [path for path in snakemake.input.templates if Path(path).name == report.PAGE]
    context = report.load_context(
        study=snakemake.params.study,
        config=snakemake.params.config,
        summary=snakemake.input.summary,
        tables=snakemake.input.tables,
        figures=snakemake.input.figures,
        explorer=snakemake.input.explorer,
    )
    runtime.write_text(snakemake.output[0], report.render(Path(page).parent, context))
