"""Write the table of published against reproduced numbers."""

from fmstudy import runtime, study, tables

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    rows, complaints = study.read_published(snakemake.input.published, params.redone_by)
    if complaints:
        raise runtime.StudyError("\n".join(complaints))
    runs = tables.Runs.holding(snakemake.input.runs)
    models = {model["name"]: model for model in params.models}
    table = tables.published_table(rows, params.redone_by, models, runs)
    tables.write(table, snakemake.output.table)
