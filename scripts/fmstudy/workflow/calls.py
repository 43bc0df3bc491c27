"""Calls the functions that make a rule's outputs: the rule names one per output, with settings.

Arguments are passed by the names of the function's parameters, from

- the settings, one of which may be a call itself and then stands for its result;
- the inputs of the rule and its earlier outputs, read by file extension (`READ`), lists of files as
  lists;
- `runs`, a reader for the trainings with the input files `runs`, which are verified first;
- `labels`, the classes (n,) of the test images that these trainings predicted;
- `folder`, the folder of the input tensors;
- `summary`, the summary of the data set;
- `predicted`, the predictions of the settings' `models`, or of a single `model`.

So a function declares in its signature what it needs, and tests call it without files.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from fmstudy import runtime
from fmstudy.analysis import verification
from fmstudy.data.dataset import load_tensor


def read_table(path: str) -> pd.DataFrame:
    """Read a table by the descriptions of its columns.

    These are imported by name, so that an edited heading does not change the digest of rules that
    read no tables; those that read some include the digest of `columns` explicitly.
    """
    table: pd.DataFrame = runtime.find("analysis.columns.read")(path)
    return table


READ: dict[str, Callable[[str], Any]] = {
    ".csv": read_table,
    ".json": runtime.read_json,
    ".npy": load_tensor,
    ".npz": runtime.read_arrays,
}

Files = Mapping[str, str | Sequence[str]]


def make(job: Any) -> Iterator[tuple[str, Any]]:
    """Call the function for each output of a job; yield the output's path and the result.

    `job` is the object `snakemake` of scripts; its params are, by the name of an output,
    {"call_to": "module.name", setting: value, ...} (see `study.description.call`).
    """
    files: dict[str, str | Sequence[str]] = dict(job.input.items())
    calls = dict(job.params.items())
    for output, path in job.output.items():  # in order, since one may need another
        if output in calls:
            yield path, _result(calls[output], files)
            files[output] = path


def _result(asked: Any, files: Files) -> Any:
    """The result of a call; any other setting is itself.

    No name in the configuration holds an underscore, so models by their names are no call.
    """
    if not isinstance(asked, Mapping) or "call_to" not in asked:
        return asked
    settings = dict(asked)
    function = runtime.find(settings.pop("call_to"))
    return function(**arguments(function, settings, files))


def arguments(
    function: Callable[..., Any], settings: Mapping[str, Any], files: Files
) -> dict[str, Any]:
    """Return the arguments for a function (see above), without those that keep their default."""
    return {
        name: (_result(settings[name], files) if name in settings else _read(name, settings, files))
        for name in inspect.signature(function).parameters
        if name in settings or name in files or name in ("folder", "labels", "predicted", "summary")
    }


def _read(name: str, settings: Mapping[str, Any], files: Files) -> Any:
    if name == "folder":
        return Path(str(files["x_train"])).parent
    if name in ("runs", "labels", "predicted"):
        runs, labels = _verified(tuple(files["runs"]))
        if name != "predicted":
            return runs if name == "runs" else labels
        if "model" in settings:
            return runs.predicted(settings["model"])
        return [runs.predicted(model) for model in settings["models"]]
    # It is among the files that trainings are verified with, unless it is an input by its name.
    path = files["runs"][-1] if name == "summary" and name not in files else files[name]
    return _content(path) if isinstance(path, str) else [_content(each) for each in path]


def _content(path: str) -> Any:
    runtime.verify_digest(path)
    return READ[Path(path).suffix](path)


_verified = cache(verification.verified_runs)  # several outputs of a job use the same trainings
