"""How a rule gets its outputs made: it names a function for each, and settings.

The function gets its arguments by the names of its parameters, from

- the settings, of which one may be a call itself: then it is what that function returns;
- the inputs of the rule, and its outputs made before: read by their endings (`READ`), a list of
  files as a list;
- `runs`, the trainings whose files are the input `runs`;
- `labels`, the classes (n,) of as many test images as the trainings predicted, from the input
  `labels`, y_test.npy, one-hot (10, N);
- `folder`, that of the tensors among the inputs;
- `predicted`, what the trainings of the settings' `models` predict, or those of one `model`.

So a function says in its signature what it needs, and a test calls it without files.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmstudy import runtime
from fmstudy.analysis.results import Runs, read_arrays


def read_table(path: str) -> pd.DataFrame:
    """Read a table, by the description of its columns.

    Imported by name: what reads no table must not be made again for another heading.  A rule whose
    functions read tables carries the digest of `columns` itself.
    """
    table: pd.DataFrame = importlib.import_module("fmstudy.analysis.columns").read(path)
    return table


READ: dict[str, Callable[[str], Any]] = {
    ".csv": read_table,
    ".json": runtime.read_json,
    ".npy": lambda path: np.load(path, mmap_mode="r", allow_pickle=False),
    ".npz": read_arrays,
}

Files = Mapping[str, str | Sequence[str]]


def make(job: Any) -> Iterator[tuple[str, Any]]:
    """Call the function of each output of a job; yields the output's path and the result.

    `job` is what scripts know as `snakemake`: its params are, by the name of an output,
    {"call_to": "module.name", setting: value, ...} (`call` in `description`).
    """
    files: dict[str, str | Sequence[str]] = dict(job.input.items())
    asked = dict(job.params.items())
    for output, path in job.output.items():  # in the order in which one may need another
        if output in asked:
            yield path, _result(asked[output], files)
            files[output] = path


def find(name: str) -> Callable[..., Any]:
    """Find a function of the library by its name, such as analysis.tables.runs_table."""
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"fmstudy.{module}"), function)
    return found


def _result(asked: Any, files: Files) -> Any:
    """The result of a call; any other setting is itself.

    No name in the configuration holds an underscore, so models by their names are no call.
    """
    if not isinstance(asked, Mapping) or "call_to" not in asked:
        return asked
    settings = dict(asked)
    function = find(settings.pop("call_to"))
    return function(**arguments(function, settings, files))


def arguments(
    function: Callable[..., Any], settings: Mapping[str, Any], files: Files
) -> dict[str, Any]:
    """Give the arguments that a function asks for (see above); defaults stay as they are."""
    return {
        name: (_result(settings[name], files) if name in settings else _read(name, settings, files))
        for name in inspect.signature(function).parameters
        if name in settings or name in files or name in ("folder", "predicted")
    }


def _read(name: str, settings: Mapping[str, Any], files: Files) -> Any:
    if name == "folder":
        return Path(str(files["x_train"])).parent
    if name == "predicted":
        runs = Runs.holding(files["runs"])
        if "model" in settings:
            return runs.predicted(settings["model"])
        return [runs.predicted(model) for model in settings["models"]]
    if name == "runs":
        return Runs.holding(files["runs"])
    if name == "labels":
        [first, *_] = (path for path in files["runs"] if Path(path).name == "predictions.npy")
        samples = READ[".npy"](first).shape[1]
        return READ[".npy"](str(files["labels"]))[:, :samples].argmax(axis=0)
    path = files[name]
    return _content(path) if isinstance(path, str) else [_content(each) for each in path]


def _content(path: str) -> Any:
    return READ[Path(path).suffix](path)
