# From tables and figures to one page that needs nothing else, and to tables for papers.


rule draw_workflow:
    """The graph of the rules and their jobs, by a second Snakemake that only plans."""
    output:
        table=table("workflow"),
        figure=figure("workflow"),
    log:
        f"{LOGS}/draw_workflow.log",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        snakefile=os.path.relpath(workflow.main_snakefile),
        config=config,
        target="report",
        rules=of_rules(),
        code=digest("draw_workflow", "study", "claims", "experiments", "configuration"),
    script:
        "../../scripts/draw_workflow.py"


rule export_tables:
    """Every table of the report as LaTeX, beside its CSV."""
    input:
        TABLES,
    output:
        LATEX,
    log:
        f"{LOGS}/export_tables.log",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=digest("export_tables"),
    script:
        "../../scripts/export_tables.py"


rule render_report:
    """The page itself; the same as report."""
    input:
        figures=[*FIGURES, figure("workflow")],
        tables=TABLES,
        summary=f"{DATA}/summary.json",
        templates=TEMPLATES,
    output:
        study.report,
    log:
        f"{LOGS}/render_report.log",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        study=as_parameters(),
        config=config,
        code=digest("render_report"),
    script:
        "../../scripts/render_report.py"
