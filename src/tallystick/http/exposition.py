"""The numbers of all workers in the form that Prometheus reads, over prometheus-client's multiprocess mode.

A worker copies its own into files that all share, by its number, which stays when one takes another's place: so counters go
on where the dead one's ended, and a gauge is never that of two.  Without a place to share (one process, tests) they stay here.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from tallystick.http.measures import MEASURES, PREFIX, WAITED_MS, Kind, Measure

_MODES: Final[dict[Kind, Literal["livesum", "livemax", "liveall"]]] = {
    Kind.SUM: "livesum",
    Kind.LONGEST: "livemax",
    Kind.EACH: "liveall",
}
_WORKER: Final = "worker"
# With them every counter would have a second name.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's


class Place(NamedTuple):
    """Where the workers of a server share, and which of them this is."""

    directory: Path
    worker: int


class Number(NamedTuple):
    """The value of a measure now; of a counter, in all that this process has counted."""

    name: str
    value: float
    label: str | None = None


class Exposition:
    """The numbers of this process, and the text of all."""

    def __init__(self, place: Place | None) -> None:
        self.server = f"process-{os.getpid()}" if place is None else place.directory.name
        """Whose numbers they are: another name after a new start, and on another node."""
        self._registry = CollectorRegistry()
        if place is not None:
            _share(place)
        own = self._registry if place is None else None
        self._counters = {each.name: _Counter(each, own) for each in MEASURES if each.kind is Kind.COUNTER}
        self._gauges = {each.name: _gauge(each, own) for each in MEASURES if each.kind in _MODES}
        self._histograms = {each.name: _histogram(each, own) for each in MEASURES if each.kind is Kind.HISTOGRAM}
        if place is not None:
            self._registry.register(_OfAll(place.directory))

    def tell(self, numbers: Iterable[Number]) -> None:
        """Copy these.  About 2 µs each."""
        for name, value, label in numbers:
            if name in self._counters:
                self._counters[name].reach(value, label)
            else:
                gauge = self._gauges[name]
                (gauge if label is None else gauge.labels(label)).set(value)

    def observe(self, name: str, value: float) -> None:
        """One more in a histogram."""
        self._histograms[name].observe(value)

    def all(self) -> Mapping[tuple[str, str | None], float]:
        """The numbers of all, by name and label, 0 for what is not there; of a gauge that each has for itself, their sum.

        Histograms are left out.
        """
        found: defaultdict[tuple[str, str | None], float] = defaultdict(float)
        for metric in self._registry.collect():
            name = metric.name.removeprefix(PREFIX)
            if name in self._histograms:
                continue
            for sample in metric.samples:
                labels = [text for label, text in sample.labels.items() if label != _WORKER]
                found[name, labels[0] if labels else None] += sample.value
        return found

    def text(self, accept: str) -> tuple[bytes, str]:
        """All numbers, and what media type that is."""
        encode, media = choose_encoder(accept)
        return encode(self._registry), media


class _Counter:
    """Told how far it is, it grows by what is new."""

    def __init__(self, measure: Measure, registry: CollectorRegistry | None) -> None:
        labels = () if measure.label is None else (measure.label,)
        self._counter = Counter(PREFIX + measure.name, measure.text, labels, registry=registry)
        self._reached: dict[str | None, float] = {}
        for value in measure.values or (None,):
            self.reach(0, value)  # so that the first one is a growth

    def reach(self, value: float, label: str | None) -> None:
        counter = self._counter if label is None else self._counter.labels(label)
        counter.inc(value - self._reached.get(label, 0))
        self._reached[label] = value


def _gauge(measure: Measure, registry: CollectorRegistry | None) -> Gauge:
    labels = () if measure.label is None else (measure.label,)
    return Gauge(PREFIX + measure.name, measure.text, labels, registry=registry, multiprocess_mode=_MODES[measure.kind])


def _histogram(measure: Measure, registry: CollectorRegistry | None) -> Histogram:
    return Histogram(PREFIX + measure.name, measure.text, registry=registry, buckets=WAITED_MS)


def _share(place: Place) -> None:
    # It is looked for there and nowhere else, whenever a value is made.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(place.directory)  # noqa: TID251 - said above
    values.ValueClass = values.MultiProcessValue(lambda: place.worker)  # type: ignore[no-untyped-call]  # the library's


class _OfAll(Collector):
    """What is in the files of all workers.  The library calls a worker's label after its process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        for metric in MultiProcessCollector.merge(self._files()):  # type: ignore[no-untyped-call]  # the library's
            metric.samples = [
                sample._replace(
                    labels={_WORKER if name == "pid" else name: text for name, text in sample.labels.items()}
                )
                for sample in metric.samples
            ]
            yield metric

    def _files(self) -> list[str]:
        found = []
        for file in sorted(self._directory.glob("*.db")):
            with suppress(FileNotFoundError):  # of a worker that is gone
                if file.stat().st_size:  # else it is of one that is about to begin
                    found.append(str(file))
        return found
