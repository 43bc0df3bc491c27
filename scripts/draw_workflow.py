"""Draw the graph of the rules, as Snakemake resolves it for this study."""

from fmstudy import rulegraph, runtime

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    graph = rulegraph.read(params.snakefile, params.config, params.target)
    for table in (snakemake.output.table, snakemake.output.data):
        runtime.write_text(table, rulegraph.table(graph))
    runtime.write_text(snakemake.output.figure, rulegraph.draw(graph))
