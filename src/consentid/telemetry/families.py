"""Our integers as Prometheus' metric families.  Spec: OpenMetrics 1.0, section 5."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final, Protocol, TypeAlias, final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

from consentid.telemetry.tally import BOUNDS_S, Tally, Timings

Family: TypeAlias = Metric

_PREFIX: Final = "consentid_"
_LIMITS: Final = (*map(str, BOUNDS_S), "+Inf")


class Told(Protocol):
    """Whatever has something to tell when it is asked."""

    def __call__(self) -> Iterable[Family]:
        """All families, as of now."""
        ...


def counter(name: str, said: str, value: float) -> Family:
    """A count that only grows."""
    return CounterMetricFamily(_PREFIX + name, said, value=value)


def counters(name: str, said: str, tally: Tally) -> Family:
    """A count that only grows, by labels."""
    family = CounterMetricFamily(_PREFIX + name, said, labels=tally.labels)
    for values, count in tally.read().items():
        family.add_metric(values, count)
    return family


def gauge(name: str, said: str, value: float) -> Family:
    """A value now."""
    return GaugeMetricFamily(_PREFIX + name, said, value=value)


def gauges(name: str, said: str, label: str, values: Mapping[str, float]) -> Family:
    """A value now, by one label."""
    family = GaugeMetricFamily(_PREFIX + name, said, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family


def facts(name: str, said: str, about: Mapping[str, str]) -> Family:
    """Words that do not change while the process lives, as labels of a one."""
    family = GaugeMetricFamily(_PREFIX + name, said, labels=list(about))
    family.add_metric(list(about.values()), 1)
    return family


def histogram(name: str, said: str, timings: Timings) -> Family:
    """How long things took, by labels."""
    family = HistogramMetricFamily(_PREFIX + name, said, labels=timings.labels)
    for values, durations in timings.read().items():
        below = accumulate(tuple(durations.counts))
        family.add_metric(values, list(zip(_LIMITS, below, strict=True)), durations.sum_s)
    return family


@final
class _Telling(Collector):
    """Asks at each scrape.  Not asked when it is registered: the process may not be up yet."""

    def __init__(self, told: Told) -> None:
        self._told: Final = told

    @override
    def collect(self) -> Iterable[Metric]:
        return self._told()

    def describe(self) -> Iterable[Metric]:
        return ()


def registry_of(told: Told) -> CollectorRegistry:
    """What is told, and what the interpreter and the system know of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Telling(told))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
