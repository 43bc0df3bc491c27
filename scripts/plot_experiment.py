"""Draw what came out of one experiment on batch normalization."""

from fmstudy import warmstart

with warmstart.analysis(snakemake.log[0], snakemake.threads):
    from fmstudy import bn_figures, bn_tables, svg

    with svg.style():
        drawing = bn_figures.draw(
            snakemake.params.figure,
            bn_tables.read(snakemake.input.table),
            snakemake.params.settings,
            bn_tables.read(snakemake.input.times),
        )
        svg.save(drawing, snakemake.output.figure)
