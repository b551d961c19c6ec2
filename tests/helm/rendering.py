"""The chart as Helm itself renders it, and what Kubernetes' own schemas say of the outcome.

A program of its own (``python -m tests.helm.rendering``, cases in, outcomes out, as JSON): Helm is
a library in Go, and brings a run time that has no business in the process of the tests.
"""

import functools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "helm" / "consentid"
OLDEST, NEWEST = "1.30", "1.37"
"""Kubernetes: the oldest that the chart takes, and the newest that there are schemas of."""
FOREIGN = "monitoring.coreos.com/v1"
"""The Prometheus operator's own kinds are in no schema of Kubernetes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What became of one case."""

    objects: Sequence[dict[str, Any]]
    notes: str
    complaints: Sequence[str]
    """By the schemas."""
    refusal: str | None
    """Why Helm did not render it."""

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The only object of that name."""
        (found,) = [each for each in self.of_kind(kind) if each["metadata"]["name"] == name]
        return found


def render(
    cases: Mapping[str, Mapping[str, Any]], *, chart: Path = CHART, name: str = "hub"
) -> dict[str, Rendered]:
    """Render the chart with each case's values, as the release of a name."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "tests.helm.rendering", str(chart), name],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {case: Rendered(**outcome) for case, outcome in json.loads(done.stdout).items()}


def read_yaml(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def _main(chart: str, name: str) -> None:
    import helm_python  # noqa: PLC0415  see above
    import kubernetes_validate.utils as kubernetes  # pyright: ignore[reportMissingTypeStubs]  # noqa: PLC0415  it has none

    # It reads the same files again for each object.
    kubernetes.schema_contents = functools.cache(kubernetes.schema_contents)
    kubernetes.all_versions = functools.cache(kubernetes.all_versions)
    report = helm_python.lint(chart, strict=True)
    assert not report["errors"], report
    outcomes: dict[str, dict[str, Any]] = {}
    with helm_python.Chart.load(chart) as loaded:
        for case, values in json.load(sys.stdin).items():
            try:
                texts = loaded.render(values, name=name, namespace="consent")
            except helm_python.HelmError as error:
                outcomes[case] = _outcome(refusal=str(error))
            else:
                outcomes[case] = _judge(kubernetes, texts)
    json.dump(outcomes, sys.stdout)


def _judge(kubernetes: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    notes = "".join(text for name, text in texts.items() if name.endswith("NOTES.txt"))
    objects = [
        each
        for name, text in texts.items()
        if name.endswith(".yaml")
        for each in yaml.safe_load_all(text)
        if each
    ]
    complaints: list[str] = []
    for each in objects:
        for version in () if each["apiVersion"] == FOREIGN else (OLDEST, NEWEST):
            try:
                kubernetes.validate(each, version, strict=True)
            except kubernetes.ValidationError as error:
                place = ".".join(map(str, error.path))
                complaints.append(
                    f"{version} {each['kind']} {each['metadata']['name']} {place}: {error.message}"
                )
    return _outcome(objects=objects, notes=notes, complaints=complaints)


def _outcome(**known: Any) -> dict[str, Any]:
    return {"objects": [], "notes": "", "complaints": [], "refusal": None, **known}


if __name__ == "__main__":
    _main(*sys.argv[1:])
