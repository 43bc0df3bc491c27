# From tables and figures to one page that needs nothing else.


rule render_report:
    """The page itself; the same as report."""
    input:
        figures=FIGURES,
        shown=FIGURE_DATA,
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
