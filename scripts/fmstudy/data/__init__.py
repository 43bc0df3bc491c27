"""From bytes to tensors: which files the data set consists of, their download, and their content.

Imports none of the other packages.
"""
