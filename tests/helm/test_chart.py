"""The chart with values that an operator may write: valid, strict, and as closed as we promise."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.helm.cases import CANARY, SOUND
from tests.helm.refused import REFUSED
from tests.helm.rendering import FOREIGN, Rendered, render

from consentid import settings
from consentid.cli import main
from consentid.settings.chosen import SECRETS

URL = "postgresql+asyncpg://role@db/consentid"


@pytest.fixture(scope="module")
def rendered() -> dict[str, Rendered]:
    refused = {name: values for name, (values, _) in REFUSED.items()}
    wrong: dict[str, dict[str, Any]] = {
        "what only Kubernetes knows": {"extraVolumes": [{"name": "x", "emptydir": {}}]}
    }
    return render({**SOUND, **refused, **wrong})


@pytest.fixture(scope="module", params=SOUND)
def sound(request: pytest.FixtureRequest, rendered: dict[str, Rendered]) -> Rendered:
    found = rendered[request.param]
    assert found.refusal is None
    return found


def pods(found: Rendered) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The metadata and the specification of each pod that may come to be."""
    for each in found.objects:
        match each["kind"]:
            case "Deployment" | "Job":
                yield each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]
            case "CronJob":
                template = each["spec"]["jobTemplate"]["spec"]["template"]
                yield template["metadata"], template["spec"]
            case "Pod":
                yield each["metadata"], each["spec"]
            case _:
                pass


def parsed(args: list[str]) -> Any:
    """What our command line makes of a container's arguments; an error where it refuses them."""
    make = main._make_parser  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  no process needed
    return make(main.COMMANDS).parse_args(args)


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def covers(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_kubernetes_takes_what_is_rendered(sound: Rendered) -> None:
    assert sound.complaints == []
    assert {"Deployment", "Job", "Pod", "Service"} <= {each["kind"] for each in sound.objects}


def test_what_kubernetes_would_not_take_is_noticed(rendered: dict[str, Rendered]) -> None:
    complaints = rendered["what only Kubernetes knows"].complaints
    assert any("'emptydir' was unexpected" in each for each in complaints)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_by_name(rendered: dict[str, Rendered], name: str) -> None:
    refusal = rendered[name].refusal
    assert refusal is not None
    assert REFUSED[name][1] in refusal


def test_every_pod_is_closed(sound: Rendered) -> None:
    for _, spec in pods(sound):
        assert spec["automountServiceAccountToken"] is False
        # A Service called consentid would else set CONSENTID_PORT, which is a setting of ours.
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in containers(spec):
            context = each["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert each["resources"]["requests"].keys() == {"cpu", "memory"}
        for volume in spec["volumes"]:
            assert volume.get("projected", {}).get("defaultMode", 0o400) == 0o400


def test_every_pod_is_told_what_our_settings_take(sound: Rendered, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(URL)
    (tmp_path / "valkey").write_text("rediss://cache")
    for _, spec in pods(sound):
        for each in containers(spec):
            environ = {
                pair["name"]: str(tmp_path / ("valkey" if "VALKEY" in pair["name"] else "secret"))
                if pair["name"].endswith("_FILE")
                else pair.get("value", "")
                for pair in each["env"]
            }
            read = settings.read(environ)
            assert read.settings.database_url == URL
            assert not read.settings.localhost_hosts
            mounted = {mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]}
            assert mounted.keys() == {volume["name"] for volume in spec["volumes"]}
            assert len(set(mounted.values())) == len(mounted)


def test_each_role_holds_only_the_secrets_of_its_work(rendered: dict[str, Rendered]) -> None:
    def held(part: str) -> set[str]:
        found = rendered["everything"]
        spec = next(spec for at, spec in pods(found) if part_of(at) == part)
        return {
            source["secret"]["name"] + ":" + item["path"]
            for volume in spec["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"].get("items", [{"path": "*"}])
        }

    serving, keys = "consentid-database:database-url", "consentid-keys:*"
    mail = {"mail:smtp-password"}
    outside = {"valkey:valkey-url", "portal:portal-client-secret"}
    erasing = "consentid-database:erasure-database-url"
    owner = "consentid-database:migration-database-url"
    assert held("web") == {serving, keys, "staff:staff-client-secret", *outside}
    assert held("worker") == {serving, erasing, keys, "log-key:ledger.key", *mail, *outside}
    assert held("migrate") == {serving, erasing, owner}


def test_a_connector_is_told_what_the_command_takes_and_holds_no_more_than_it_needs(
    rendered: dict[str, Rendered],
) -> None:
    found = {part_of(at): spec for at, spec in pods(rendered["connectors"])}
    carriers = {name: found[name] for name in ("crm", "a-name-of-24-characters1", "bare")}
    files = {"lake": found["lake"], "sheets": found["sheets"]}
    for name, spec in {**carriers, **files}.items():
        (carrier,) = spec["containers"]
        given = parsed(carrier["args"])
        assert given.client == {"crm": "news-crm", "lake": "news-crm", "bare": "bare"}.get(
            name, "shop-crm"
        )
        told = {pair["name"].removeprefix("CONSENTID_") for pair in carrier["env"]}
        metrics = {"METRICS_HOST", "METRICS_PORT"} if name in carriers else set[str]()
        settings = {"LOG_FORMAT", "TRUSTED_PROXIES"}
        assert told == {"DATABASE_URL_FILE", "KEYS_DIR", *settings, *metrics}
        secrets = [
            source["secret"]["name"]
            for volume in spec["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
        ]
        own = {"crm": ["nats"], "a-name-of-24-characters1": ["creds"]}.get(name, [])
        assert secrets == ["consentid-database", "consentid-keys", *own]
    (crm,) = carriers["crm"]["containers"]
    (broker,) = [each for each in crm["volumeMounts"] if each["name"] == "broker"]
    passwords = parsed(crm["args"]).password_file
    assert str(passwords).startswith(broker["mountPath"] + "/")
    (lake,) = files["lake"]["containers"]
    (export,) = [each for each in lake["volumeMounts"] if each["name"] == "export"]
    assert str(parsed(lake["args"]).to) == export["mountPath"] + "/lake"


def test_a_connector_reaches_the_database_and_its_broker_and_nobody_else(
    rendered: dict[str, Rendered],
) -> None:
    policies = {
        part_of(each["metadata"]): each["spec"]
        for each in rendered["connectors"].of_kind("NetworkPolicy")
    }
    for name, expected in {"crm": {53, 5432, 4223}, "lake": {53, 5432}}.items():
        rules = policies[name]["egress"]
        assert {port["port"] for rule in rules for port in rule["ports"]} == expected
    assert [len(policies[name]["ingress"]) for name in ("crm", "lake")] == [1, 0]


def part_of(metadata: Mapping[str, Any]) -> str:
    return metadata["labels"]["app.kubernetes.io/component"]


def test_a_secret_is_in_secrets_and_nowhere_else(rendered: dict[str, Rendered]) -> None:
    found = rendered["secrets among the values"]
    elsewhere = [each for each in found.objects if each["kind"] != "Secret"]
    assert "hush" not in json.dumps(elsewhere)
    assert "hush" not in found.notes
    contents = [
        base64.b64decode(value).decode()
        for each in found.of_kind("Secret")
        for value in each["data"].values()
    ]
    assert sum(CANARY in content for content in contents) == 9


def test_every_secret_setting_can_be_given(rendered: dict[str, Rendered]) -> None:
    found = rendered["secrets among the values"]
    env = [pair for _, spec in pods(found) for each in containers(spec) for pair in each["env"]]
    given = {pair["name"] for pair in env if pair["name"].endswith("_FILE")}
    # The chart's web processes are the public's: none of them is given the owner's database.
    wanted = SECRETS - {"admin_database_url"}
    assert given == {f"CONSENTID_{name.upper()}_FILE" for name in wanted}


def test_what_the_migration_needs_is_there_before_it(sound: Rendered) -> None:
    (job,) = sound.of_kind("Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    made = {
        (each["kind"], each["metadata"]["name"]): each["metadata"].get("annotations", {})
        for each in sound.objects
    }
    spec = job["spec"]["template"]["spec"]
    used = [("ServiceAccount", spec["serviceAccountName"])]
    for volume in spec["volumes"]:
        used.append(("ConfigMap", volume.get("configMap", {}).get("name", "")))
        sources = volume.get("projected", {}).get("sources", [])
        used += [("Secret", source["secret"]["name"]) for source in sources]
    for each in used:
        if each in made:
            assert made[each]["helm.sh/hook"] == "pre-install,pre-upgrade"
            assert int(made[each]["helm.sh/hook-weight"]) < 0


def test_every_selector_finds_its_pods_and_no_name_is_too_long(sound: Rendered) -> None:
    labels = [at["labels"] for at, _ in pods(sound)]
    names = {(each["kind"], each["metadata"]["name"]) for each in sound.objects}
    assert len(names) == len(sound.objects)
    for each in sound.objects:
        spec = each.get("spec", {})
        match each["kind"]:
            case "CronJob":
                assert len(each["metadata"]["name"]) <= 52
            case "Deployment" | "PodDisruptionBudget":
                assert any(covers(spec["selector"]["matchLabels"], own) for own in labels)
            case "NetworkPolicy":
                assert any(covers(spec["podSelector"]["matchLabels"], own) for own in labels)
            case "Service":
                assert any(covers(spec["selector"], own) for own in labels)
            case "HorizontalPodAutoscaler":
                assert ("Deployment", spec["scaleTargetRef"]["name"]) in names
            case "ServiceMonitor":
                services = [own["metadata"]["labels"] for own in sound.of_kind("Service")]
                found = [own for own in services if covers(spec["selector"]["matchLabels"], own)]
                assert len(found) == 1
            case _:
                pass
        if each["kind"] != "Ingress":  # which is named for its host
            assert len(each["metadata"]["name"]) <= 63
        values = each["metadata"]["labels"].values()
        assert all(len(value) <= 63 for value in values)


def test_every_pod_that_may_come_to_be_has_a_network_policy(sound: Rendered) -> None:
    policies = sound.of_kind("NetworkPolicy")
    guarded = [each["spec"]["podSelector"]["matchLabels"] for each in policies]
    if policies:
        assert all(any(covers(own, at["labels"]) for own in guarded) for at, _ in pods(sound))
    for each in policies:
        assert each["spec"]["policyTypes"] == ["Ingress", "Egress"]
        public = [to for rule in each["spec"]["egress"] for to in rule.get("to", [])]
        blocks = [
            to["ipBlock"] for to in public if to.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
        ]
        assert all("169.254.0.0/16" in block["except"] for block in blocks)


def test_a_web_process_is_asked_how_it_is_and_drains_before_it_ends(sound: Rendered) -> None:
    (spec,) = [spec for at, spec in pods(sound) if part_of(at) == "web"]
    (web,) = spec["containers"]
    asked = {kind: web[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in asked.items()} == {
        "startup": "/health/live",
        "liveness": "/health/live",
        "readiness": "/health/ready",
    }
    environ = {pair["name"]: pair.get("value", "") for pair in web["env"]}
    drains = int(environ.get("CONSENTID_DRAIN_S", settings.Settings().drain_s))
    rests = web["lifecycle"]["preStop"].get("sleep", {"seconds": 0})["seconds"]
    assert spec["terminationGracePeriodSeconds"] > drains + rests


def test_large_numbers_stay_numbers(rendered: dict[str, Rendered]) -> None:
    web = rendered["large numbers"].one("Deployment", "hub-consentid-web")
    env = {
        each["name"]: each.get("value")
        for each in containers(web["spec"]["template"]["spec"])[0]["env"]
    }
    assert env["CONSENTID_CONNECTIONS"] == "1000000"
    assert env["CONSENTID_CONFIRM_WITHIN_S"] == "2147483647"
    assert env["CONSENTID_ERASURE_PROOF_D"] == "0"
    (scaling,) = rendered["large numbers"].of_kind("HorizontalPodAutoscaler")
    assert scaling["spec"]["maxReplicas"] == 1_000_000


def test_brand_files_arrive_byte_for_byte_where_the_brandbook_looks(
    rendered: dict[str, Rendered],
) -> None:
    found = rendered["brand files"]
    (made,) = found.of_kind("ConfigMap")
    assert made["data"] == {
        path.replace("/", "__"): text
        for path, text in SOUND["brand files"]["brands"]["files"].items()
    }
    (job,) = found.of_kind("Job")
    spec = job["spec"]["template"]["spec"]
    assert [each["args"] for each in containers(spec)] == [["migrate"], ["brands", "apply"]]
    (volume,) = [each for each in spec["volumes"] if each["name"] == "brands"]
    assert {item["path"] for item in volume["configMap"]["items"]} == {
        "group.toml",
        "partners/reach.toml",
    }


def test_keys_on_a_disk_are_made_first_and_written_by_workers_alone(
    rendered: dict[str, Rendered],
) -> None:
    found = rendered["keys on a disk"]
    (job,) = found.of_kind("Job")
    steps = [each["args"] for each in containers(job["spec"]["template"]["spec"])]
    assert steps == [["keys", "generate"], ["migrate"], ["brands", "apply"]]
    written = {
        part_of(at)
        for at, spec in pods(found)
        for mount in spec["containers"][0]["volumeMounts"]
        if mount["name"] == "keys" and not mount["readOnly"]
    }
    assert written == {"migrate", "worker"}
    assert "back up pairwise.key" in found.notes


def test_one_ingress_stands_for_each_host_of_the_hub(rendered: dict[str, Rendered]) -> None:
    found = rendered["everything"].of_kind("Ingress")
    hosts = {each["spec"]["rules"][0]["host"]: each["spec"].get("tls") for each in found}
    assert hosts == {
        "consent.halcyon.example": [
            {"hosts": ["consent.halcyon.example"], "secretName": "consent-tls"}
        ],
        "consent.second-group.example": None,
    }


def test_monitoring_is_there_where_it_was_asked_for(rendered: dict[str, Rendered]) -> None:
    foreign = [each for each in rendered["everything"].objects if each["apiVersion"] == FOREIGN]
    assert {each["kind"] for each in foreign} == {"ServiceMonitor", "PrometheusRule"}
    assert all(each["metadata"]["labels"]["release"] == "prometheus" for each in foreign)
    rule = json.dumps(rendered["everything"].of_kind("PrometheusRule"))
    assert "NAMESPACE" not in rule
    assert 'service=\\"hub-consentid-metrics\\"' in rule
    assert "{{ $labels.pod }}" in rule
    bare = rendered["as little as can be"]
    assert not [each for each in bare.objects if each["apiVersion"] == FOREIGN]
