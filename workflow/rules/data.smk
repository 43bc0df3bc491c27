# From the sources, or a folder of images, to tensors.


rule prepare_dataset:
    """Tensors of the data set, and a summary; what is fetched stays in resources/."""
    input:
        # The files of a user's own folder.
        [local(path) for path in study.own_files],
    output:
        **TENSORS,
        images=f"{layout.data}/summary.npz",
    log:
        f"{LOGS}/prepare_dataset.log",
    priority: priority("prepare_dataset")
    localrule: True  # other machines of a cluster may have no network
    conda:
        "../envs/study.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        data=study.data_identity,
        # Snakemake does not track functions of `threads`, so another mirror or timeout does not
        # invalidate all results: the content is verified.
        sources=lambda wildcards, threads: study.data["sources"],
        timeout=lambda wildcards, threads: study.data["timeout"],
        code=digest("prepare_dataset"),
    script:
        "../../scripts/prepare_dataset.py"
