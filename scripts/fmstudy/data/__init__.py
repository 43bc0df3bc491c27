"""From bytes to tensors: which files the data set consists of, their download, and their content.

May import nothing of the library but `runtime`.
"""
