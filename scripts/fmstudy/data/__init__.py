"""The data set: its files, their download, and the tensors made from them.

Imports none of the other packages.
"""
