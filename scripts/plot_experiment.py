"""Draw what came out of one experiment on batch normalization."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_figures, columns, svg

    with svg.style():
        drawing = bn_figures.draw(
            snakemake.params.figure,
            columns.read(snakemake.input.table),
            snakemake.params.settings,
            columns.read(snakemake.input.times),
        )
        svg.save(drawing, snakemake.output.figure)
