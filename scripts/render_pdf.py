"""Set the report as a PDF, from the same tables, figures and templates as the page."""

from pathlib import Path

from fmstudy import formulas, pdf, report, runtime

with runtime.job(snakemake.log[0]):
    [template] = [path for path in snakemake.input.templates if Path(path).name == report.PAPER]
    templates = Path(template).parent
    context = report.load_context(
        study=snakemake.params.study,
        config=snakemake.params.config,
        summary=snakemake.input.summary,
        tables=snakemake.input.tables,
        figures=snakemake.input.figures,
    )
    html = report.render_paper(templates, context, formulas.picture)
    content = pdf.render(
        html,
        style=(templates / "pdf.css").read_text(encoding="utf-8"),
        figures={name: str(figure.svg) for name, figure in context["figures"].items()},
        fonts=snakemake.input.fonts,
        attachments=pdf.attachments(snakemake.input.tables),
        page=Path(snakemake.output[0]).with_suffix(".html").name,
    )
    with runtime.atomic_write(snakemake.output[0]) as file:
        file.write(content)
