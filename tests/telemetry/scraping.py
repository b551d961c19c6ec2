"""Read what a process tells Prometheus, as Prometheus does."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(url: str) -> Samples:
    """All samples, by name and labels."""
    answer = httpx2.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample's value; 0 for one that is not there yet."""
    return samples.get((f"consentid_{name}", frozenset(labels.items())), 0.0)


def address_in(logged: str) -> str:
    """Where a process said that its metrics are."""
    found = re.search(r"metrics at (http://127\.0\.0\.1:\d+/metrics)", logged)
    assert found is not None, logged
    return found[1]


def address(log: Path) -> str:
    return address_in(log.read_text())
