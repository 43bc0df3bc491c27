"""Estimates of the study's models, whose variances over seeds borrow from each other.

Each borrows from estimates of the same kind: the same metric, at the end of training, in the same
engine.  A pair of models on different engines counts as a Keras pair, because mini-batches vary
more between seeds.  Claims, comparisons, intervals and the ledger use these, so that they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from fmstudy.analysis.measures import Measures
from fmstudy.analysis.statistics import (
    Estimate,
    Sample,
    difference,
    moderated,
    over_seeds,
    over_seeds_and_images,
    trend,
)

Model = Mapping[str, Any]
Pair = Sequence[str]


class Estimator:
    """Estimates levels, differences and trends of metrics.

    models  the models of the study, from which levels and trends borrow
    pairs   the planned pairs (first, second) of their names, from which differences borrow
    """

    def __init__(self, m: Measures, models: Iterable[Model], pairs: Iterable[Pair] = ()) -> None:
        self.m = m
        self.models = {model["name"]: model for model in models}
        # A pair is planned once, whichever of the two comes first.
        self.pairs = list({frozenset(pair): tuple(pair) for pair in pairs}.values())
        self._levels = cache(self._estimate_levels)
        self._differences = cache(self._estimate_differences)

    def level(self, name: str, metric: str) -> Estimate | None:
        """Estimate a metric of a model for other seeds and images; None with too few seeds."""
        engine = self.models[name]["engine"]
        return _borrowing(name, self._levels(metric, engine, over_seeds_and_images))

    def level_on_these_images(self, name: str, metric: str) -> Estimate | None:
        """Estimate a metric of a model for other seeds on the same images."""
        engine = self.models[name]["engine"]
        return _borrowing(name, self._levels(metric, engine, _over_seeds_alone))

    def difference(self, first: str, second: str, metric: str) -> Estimate | None:
        """Estimate second minus first for other seeds and images; None with too few seeds."""
        known = self._differences(metric, self._engine((first, second)))
        if (second, first) in known:
            turned = _borrowing((second, first), known)
            return None if turned is None else -turned
        pair = (first, second)
        if pair not in known:
            known = known | {pair: self._difference(pair, metric)}
        return _borrowing(pair, known)

    def trend(
        self, x: Sequence[float], samples: Sequence[Sample], metric: str, engine: str
    ) -> Estimate | None:
        """Estimate a metric's change along a line (see `statistics.trend`)."""
        line = trend(x, samples)
        levels = self._levels(metric, engine, over_seeds_and_images).values()
        return None if line is None else moderated(line, (it for it in levels if it is not None))

    def _estimate_levels(
        self, metric: str, engine: str, of: Callable[[Sample], Estimate | None]
    ) -> dict[str, Estimate | None]:
        found = {}
        for name, model in self.models.items():
            if model["engine"] == engine:
                try:
                    found[name] = of(self.m.sample(model, metric))
                except KeyError:  # a metric that only some models have
                    continue
        return found

    def _estimate_differences(
        self, metric: str, engine: str
    ) -> dict[tuple[str, ...], Estimate | None]:
        of_engine = [pair for pair in self.pairs if self._engine(pair) == engine]
        return {pair: self._difference(pair, metric) for pair in of_engine}

    def _engine(self, pair: Pair) -> str:
        engines = {self.models[name]["engine"] for name in pair}
        return "keras" if "keras" in engines else engines.pop()

    def _difference(self, pair: Pair, metric: str) -> Estimate | None:
        try:
            return difference(*(self.m.sample(self.models[name], metric) for name in pair))
        except KeyError:
            return None


def _over_seeds_alone(sample: Sample) -> Estimate | None:
    return over_seeds(sample.values)


def _borrowing(key: Any, known: Mapping[Any, Estimate | None]) -> Estimate | None:
    """Return the estimate under `key`, borrowing from all others."""
    own = known[key]
    others = (it for other, it in known.items() if other != key and it is not None)
    return None if own is None else moderated(own, others)
