"""Draw figures; the rule names the functions."""

from fmstudy.workflow import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy.figures import svg
    from fmstudy.workflow import calls

    for path, drawing in calls.make(snakemake):
        svg.save(drawing, path)
