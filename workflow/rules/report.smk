# From tables and figures to a self-contained page, a PDF, and LaTeX tables.

FIGURES, FIGURE_DATA, PNGS = (  # as the rules above declare them
    [f"{layout.figures}/{name}.{ending}" for name in layout.shown]
    for ending in ("svg", "csv", "png")
)


CITATION = own_file("CITATION.cff")
# Comments in these files do not matter; whatever else changes in them changes a table.
NAMED_FILES = ancient(
    [
        find_file(study.given[group]["file"])
        for group in configuration.NAMING_FILES
        if group in study.given
    ]
)


# The description in `snakemake --report`, unless another workflow has its own.
if workflow.report_text is None:

    report: "../report/workflow.rst"


rule collect_explorer:
    """The data of the page's explorer: curves and metrics of all models, differences of pairs."""
    input:
        runs=run_files(study.trained_models()),
        pairs=table("pairs"),
    output:
        explorer=layout.explorer,
    log:
        f"{LOGS}/collect_explorer.log",
    conda:
        "../envs/study.yaml"
    params:
        explorer=call(
            "report.explorer.collect",
            groups=description.explorer_groups(study),
            start=description.explorer_start(study),
        ),
        code=digest("collect_explorer", "report.explorer", "analysis.columns"),
    script:
        "../../scripts/collect_explorer.py"


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
    params:
        code=digest("export_tables"),
    script:
        "../../scripts/export_tables.py"


rule render_report:
    """The page, and beside the results a record of the study, for `make compare`."""
    input:
        figures=FIGURES,
        shown=FIGURE_DATA,
        tables=[*TABLES, table("pairs")],
        summary=TENSORS["summary"],
        citation=CITATION,
        configuration=NAMED_FILES,
        explorer=layout.explorer,
        labels=TENSORS["y_test"],
        templates=TEMPLATES,
        fonts=FONTS,
    output:
        **main_result({"page": study.report, "record": layout.record}, "page", "Report", "Page"),
    log:
        f"{LOGS}/render_report.log",
    conda:
        "../envs/study.yaml"
    params:
        study=REPORT_DATA,
        config=study.configuration,
        given=study.given,
        code=digest("render_report"),
    script:
        "../../scripts/render_report.py"


rule render_pdf:
    """The report as a PDF; needs Pango, a system library."""
    input:
        figures=FIGURES,
        shown=FIGURE_DATA,
        tables=[*TABLES, table("pairs")],
        summary=TENSORS["summary"],
        citation=CITATION,
        configuration=NAMED_FILES,
        templates=TEMPLATES,
        fonts=fonts_of_pdf,
    output:
        **main_result({"pdf": layout.pdf}, "pdf", "Report", "PDF"),
    log:
        f"{LOGS}/render_pdf.log",
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        study=REPORT_DATA,
        config=study.configuration,
        given=study.given,
        code=digest("render_pdf"),
    script:
        "../../scripts/render_pdf.py"
