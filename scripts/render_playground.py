"""Render the playground from its models, images and table."""

from fmstudy import runtime
from fmstudy.analysis.columns import read_rows
from fmstudy.report import playground_page

with runtime.job(snakemake.log[0]):
    context = playground_page.load_context(
        **snakemake.params.study,
        packed=runtime.read_arrays(snakemake.input.packed),
        table=read_rows(snakemake.input.table),
        data=runtime.read_json(snakemake.input.summary),
        samples=runtime.read_arrays(snakemake.input.pictures)["sample_images"],
    )
    page = playground_page.render(snakemake.input.page, context)
    runtime.write_text(snakemake.output[0], page)
