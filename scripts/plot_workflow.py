"""Draw the stages of the study."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import figures, svg

    drawing = figures.stages(**snakemake.params.counts)
    svg.save(drawing, snakemake.output.figure)
