"""Draw figures: the rule names the function that draws each of them."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import calls, svg

    for path, drawing in calls.make(snakemake):
        svg.save(drawing, path)
