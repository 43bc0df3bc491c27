# From tables and figures to one page that needs nothing else, and to a PDF of it.


rule render_report:
    """The page itself; the same as report."""
    input:
        figures=FIGURES,
        tables=TABLES,
        summary=f"{DATA}/summary.json",
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
        figures=FIGURES,
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
