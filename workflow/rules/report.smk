# From tables and figures to one page that needs nothing else, a PDF of it, and tables for papers.


rule collect_explorer:
    """What the explorer of the page shows: curves, metrics and confusion of every training."""
    input:
        metrics=of_runs(study.trained(), "metrics"),
        history=of_runs(study.trained(), "history"),
        predictions=of_runs(study.trained(), "predictions"),
        labels=TENSORS["y_test"],
    output:
        explorer=EXPLORER,
    log:
        f"{LOGS}/collect_explorer.log",
    conda:
        "../envs/study.yaml"
    params:
        groups=explored(),
        start=explored_first(),
        test_samples=study.data["test_samples"],
        code=digest("collect_explorer"),
    script:
        "../../scripts/collect_explorer.py"


rule draw_workflow:
    """The graph of the rules and their jobs, by a second Snakemake that only plans."""
    output:
        table=table("workflow"),
        figure=figure("workflow"),
        data=figure_files("workflow")["data"],
    log:
        f"{LOGS}/draw_workflow.log",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        snakefile=as_is(os.path.relpath(workflow.main_snakefile)),
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
        figures=SHOWN,
        shown=FIGURE_DATA,
        tables=TABLES,
        summary=f"{DATA}/summary.json",
        explorer=EXPLORER,
        templates=TEMPLATES,
        fonts=FONTS,
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


rule render_pdf:
    """The report as a PDF; needs Pango, a system library."""
    input:
        figures=SHOWN,
        shown=FIGURE_DATA,
        tables=TABLES,
        summary=f"{DATA}/summary.json",
        templates=TEMPLATES,
        fonts=fonts_of_pdf,
    output:
        PDF,
    log:
        f"{LOGS}/render_pdf.log",
    conda:
        "../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        study=as_parameters(),
        config=config,
        code=digest("render_pdf"),
    script:
        "../../scripts/render_pdf.py"
