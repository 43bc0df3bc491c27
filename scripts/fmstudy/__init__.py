"""The library of the Fashion-MNIST study: everything that the pipeline's scripts call.

It reads from the bottom up: files to tensors (`idx`, `dataset`), what a run is (`spec`,
`study`), the models (`lowlevel`, `batchnorm`, `kerasmodels`), training (`training`), what
the results say (`evaluation`, `tables`), and how they are shown (`svg`, `figures`,
`report`).  Nothing here knows Snakemake; TensorFlow is imported by the modules that train.
"""
