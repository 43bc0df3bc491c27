# From the sources to tensors; only verified files enter resources/.

from fmstudy.data.identity import FILES


rule fetch_dataset:
    output:
        ensure(
            "resources/fashion-mnist/{file}",
            sha256=lambda wildcards: FILES[wildcards.file].sha256,
        ),
    log:
        "logs/fetch_dataset/{file}.log",
    wildcard_constraints:
        file="|".join(FILES),
    priority: priority("fetch_dataset")
    retries: 1  # each attempt tries an address three times
    localrule: True
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=500,
        runtime=30,
    params:
        # The checksum alone identifies the file.  Snakemake does not track functions of `threads`,
        # so another mirror or timeout does not invalidate all results.
        sources=lambda wildcards, threads: study.data["sources"],
        timeout=lambda wildcards, threads: study.data["timeout"],
    script:
        "../../scripts/fetch_dataset.py"


rule prepare_dataset:
    """Tensors from the four files, and a summary of the data."""
    input:
        expand("resources/fashion-mnist/{file}", file=FILES),
    output:
        **TENSORS,
        images=f"{DATA}/summary.npz",
    log:
        "logs/prepare_dataset.log",
    priority: priority("prepare_dataset")
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=digest("prepare_dataset"),
    script:
        "../../scripts/prepare_dataset.py"
