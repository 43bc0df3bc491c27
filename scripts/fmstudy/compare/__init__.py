"""The comparison of two result folders: what differs, in the study and in its numbers.

It reads the files of finished studies, also those of earlier versions.

Imports `study`, `analysis` and `report`.
"""
