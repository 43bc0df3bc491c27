"""The study as a run of Snakemake: digests of code, warm processes, progress, what a person sees.

May import everything; nothing below may import it.
"""
