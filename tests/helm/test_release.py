"""The chart as it is released: of this version, for the settings there are, as the README says."""

import re
import shutil
import tomllib

import pytest
import yaml
from tests.helm.rendering import CHART, OLDEST, REPOSITORY, Rendered, read_yaml, render
from tests.helm.settings_schema import read_schema, settings_schema

ODDEST = "1.release-whose-name-is-as-long-as-helm-lets-it-be.ok"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    """With the group's files in the chart's own folder, as a release of a long name."""
    chart = tmp_path_factory.mktemp("chart") / "consentid"
    shutil.copytree(CHART, chart)
    shutil.copytree(REPOSITORY / "brands", chart / "brands", dirs_exist_ok=True)
    (chart / "brands" / "partners" / "reach-keys.json").write_text('{"keys": []}')
    readme = (REPOSITORY / "README.md").read_text().partition("## On Kubernetes")[2]
    values = {
        "as the README says": yaml.safe_load(readme.partition("```yaml\n")[2].partition("```")[0]),
        "with one file more": {"brands": {"files": {"shop.toml": "over it"}}},
    }
    return render(values, chart=chart, name=ODDEST)


def test_what_the_readme_says_can_be_installed(released: dict[str, Rendered]) -> None:
    found = released["as the README says"]
    assert found.refusal is None
    assert found.complaints == []
    kinds = {each["kind"] for each in found.objects}
    assert {"ConfigMap", "Ingress", "ServiceMonitor", "PrometheusRule"} <= kinds


def test_the_charts_own_folder_of_brands_is_taken_for_a_release_of_any_name(
    released: dict[str, Rendered],
) -> None:
    found = released["with one file more"]
    assert found.refusal is None
    assert found.complaints == []
    (made,) = found.of_kind("ConfigMap")
    assert made["data"]["group.toml"] == (REPOSITORY / "brands" / "group.toml").read_text()
    assert made["data"]["shop.toml"] == "over it"
    assert "partners__reach.toml" in made["data"]
    assert made["data"]["partners__reach-keys.json"] == '{"keys": []}'
    names = [each["metadata"]["name"] for each in found.objects]
    assert all(re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names)


def test_the_schema_of_settings_is_that_of_the_object() -> None:
    found = read_schema()["properties"]["settings"]
    assert found == settings_schema(), "run: python -m tests.helm.settings_schema"


def test_the_chart_is_of_this_release_and_of_the_kubernetes_that_it_is_judged_by() -> None:
    chart = read_yaml(CHART / "Chart.yaml")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == project["version"]
    assert chart["kubeVersion"] == f">={OLDEST}.0-0"
