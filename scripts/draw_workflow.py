"""Draw the graph of the rules, as Snakemake resolves it for this study."""

from fmstudy import rulegraph, runtime

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    graph = rulegraph.read(params.snakefile, params.config, params.target)
    runtime.write_text(snakemake.output.table, rulegraph.table(graph))
    runtime.write_text(snakemake.output.figure, rulegraph.draw(graph))
