"""A trained network as ONNX, the format that most frameworks and languages read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from fmstudy.predict.layers import Layer

# Versions of the operators and of the format that runtimes since 2022 read.
OPSET, FORMAT = 17, 8
OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid"}


def build(
    spec: Mapping[str, Any],
    layers: Sequence[Layer],
    shape: Sequence[int],
    described: Mapping[str, str],
) -> bytes:
    """Return an ONNX file from `image` (n, rows, columns) to `probabilities` (n, classes), float32.

    `described` are properties that the file carries.  The file has passed ONNX' full check; Dropout
    has no effect on predictions and is left out.
    """
    graph = _Graph()
    graph.add("Flatten", axis=1)
    for place, (weights, bias, normalization) in enumerate(layers):
        parts = {"weights": weights, "bias": np.zeros(len(weights)) if bias is None else bias}
        graph.add("Gemm", parts, place, transB=1)
        if place == len(layers) - 1:
            break
        steps: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
            (OPERATORS[spec["activation"]], {}, {})
        ]
        if normalization:
            step = "BatchNormalization", normalization._asdict(), {"epsilon": spec["bn_epsilon"]}
            steps.insert(spec["batch_norm"] == "after", step)
        for operator, arrays, attributes in steps:
            graph.add(operator, arrays, place, **attributes)
    graph.add("Softmax", axis=1)
    graph.nodes[-1].output[0] = "probabilities"
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [_tensor("image", ["n", *shape])],
            [_tensor("probabilities", ["n", len(layers[-1].coefficients)])],
            graph.arrays,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
        producer_name="Fashion-MNIST study",
    )
    helper.set_model_props(model, dict(described))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def predict(content: bytes, images: np.ndarray) -> np.ndarray:
    """Run an ONNX file on the CPU with one thread; return its probabilities (n, classes)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    [found] = session.run(["probabilities"], {"image": images})
    return np.asarray(found)


class _Graph:
    """A chain of operators with their arrays; each takes what the one before gives."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: list[onnx.TensorProto] = []

    def add(
        self,
        operator: str,
        arrays: Mapping[str, np.ndarray] | None = None,
        place: int | None = None,
        **attributes: Any,
    ) -> None:
        """Add an operator, with arrays of its own if it belongs to a layer."""
        suffix = "" if place is None else str(place)
        named = {f"{kind}{suffix}": array for kind, array in (arrays or {}).items()}
        self.arrays += [
            numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name)
            for name, array in named.items()
        ]
        name = f"{operator.lower()}{suffix}"
        given = self.nodes[-1].output[0] if self.nodes else "image"
        node = helper.make_node(operator, [given, *named], [name], name=name, **attributes)
        self.nodes.append(node)


def _tensor(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
