"""What happens inside a net during training: gradients that turn, distributions that drift."""

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import Data, Row, nets, order_of, outcome, row
from fmstudy.experiments.probes import Probe
from fmstudy.runtime import Progress


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train each net at one rate, with every probe on a fixed batch every so many steps."""
    fixed = data.fitted.part(0, settings["probe_samples"])
    rows: list[Row] = []
    for keys, spec in nets(settings):
        batches = MiniBatches(spec, data.fitted)
        batches.start(seed)
        probe = Probe(batches.network, fixed)
        rows += _probed(batches, probe, settings, seed, data, keys)
    return rows


def _probed(
    batches: MiniBatches,
    probe: Probe,
    settings: Mapping[str, Any],
    seed: int,
    data: Data,
    keys: Row,
) -> list[Row]:
    rate, order = settings["learning_rate"], order_of(settings, seed, data)
    progress = Progress(f"bn-shift, {'/'.join(keys.values())}, seed {seed}", len(order), "steps")
    rows: list[Row] = []

    def look(step: int) -> None:
        found = probe.distributions() + probe.shift(rate) + probe.landscape(rate)
        rows.extend(
            row(name, value, **keys, step=step, layer=layer) for name, layer, value in found
        )
        progress.update(step)

    look(0)
    finished = batches.train(order, settings["every"], look)
    return rows + outcome(finished, batches, data, **keys, step=batches.steps, layer=None)
