"""Render the report as a PDF, from the same tables, figures and templates as the page."""

from pathlib import Path

from fmstudy import runtime
from fmstudy.report import formulas, pdf, rendering

with runtime.job(snakemake.log[0]):
    templates, context = rendering.of_job(snakemake, rendering.PAPER)
    html = rendering.render_paper(templates, context, formulas.picture)
    content = pdf.render(
        html,
        style=(templates / "pdf.css").read_text(encoding="utf-8"),
        figures={name: str(figure.svg) for name, figure in context["figures"].items()},
        fonts=snakemake.input.fonts,
        attachments=pdf.attachments(snakemake.input.tables, snakemake.input.shown),
        page=Path(snakemake.output[0]).with_suffix(".html").name,
    )
    with runtime.atomic_write(snakemake.output[0]) as file:
        file.write(content)
