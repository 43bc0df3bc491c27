"""What others take along: models as Keras and ONNX files with cards, and the whole study packed.

Imports `study`, `analysis`, `predict` and `report`.
"""
