"""Values that cannot be right, and what Helm says of each."""

from typing import Any

_NATS: dict[str, Any] = {"name": "crm", "client": "news-crm", "servers": ["nats://nats"]}
_URL = "postgresql://role:hush@db/consentid"


def _resources(part: str, *, limits: dict[str, Any], requests: dict[str, Any]) -> dict[str, Any]:
    return {part: {"resources": {"limits": limits, "requests": requests}}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt name": ({"databse": {}}, "'databse' not allowed"),
    "a misspelt setting": ({"settings": {"concurency": 3}}, "'concurency' not allowed"),
    "a setting that the chart says": ({"settings": {"port": 1}}, "'port' not allowed"),
    "loopback": ({"settings": {"localhost_hosts": True}}, "'localhost_hosts' not allowed"),
    "a word for a number": ({"settings": {"drain_s": "long"}}, "/settings/drain_s"),
    "half a second": ({"settings": {"drain_s": 1.5}}, "/settings/drain_s"),
    "root": ({"security": {"runAsUser": 0}}, "/security/runAsUser"),
    "a setting as a variable": (
        {"extraEnv": [{"name": "CONSENTID_LOCALHOST_HOSTS", "value": "true"}]},
        "/extraEnv/0/name",
    ),
    "no host": ({"ingress": {"enabled": True}}, "name the hub's host"),
    "a wild host": (
        {"ingress": {"enabled": True, "hosts": [{"host": "*.example"}]}},
        "/ingress/hosts/0/host",
    ),
    "two databases": ({"database": {"urls": {"serving": _URL, "owner": _URL}}}, "not both"),
    "no database": ({"database": {"existingSecret": ""}}, "name existingSecret"),
    "no key": ({"keyring": {"existingSecret": ""}}, "consentid keys generate"),
    "two keyrings": ({"keyring": {"existingClaim": "keys"}}, "give one of"),
    "more at least than at most": ({"autoscaling": {"minReplicas": 11}}, "above maxReplicas"),
    "a file elsewhere": ({"brands": {"files": {"../group.toml": ""}}}, "../group.toml"),
    "another digest": ({"image": {"digest": "latest"}}, "/image/digest"),
    "two kinds of secrets": (
        {"portal": {"existingSecret": "a", "clientSecret": "b"}},
        "portal: give existingSecret or clientSecret",
    ),
    "two secrets of staff": (
        {"staff": {"existingSecret": "a", "clientSecret": "b"}},
        "staff: give existingSecret or clientSecret",
    ),
    "a connector of another's name": (
        {"connectors": {"nats": [{**_NATS, "name": "web"}]}},
        "/connectors/nats/0/name",
    ),
    "a host with two certificates": (
        {
            "ingress": {
                "enabled": True,
                "hosts": [{"host": "a.example"}, {"host": "a.example", "tlsSecret": "a-tls"}],
            }
        },
        "ingress.hosts: a.example is there twice",
    ),
    "two connectors of one name": (
        {"connectors": {"nats": [_NATS, _NATS]}},
        "connectors: crm is there twice",
    ),
    "a connector without its secret": (
        {"connectors": {"nats": [{**_NATS, "user": "hub", "keys": {"password": "p"}}]}},
        "go with it",
    ),
    "a user without a password": (
        {"connectors": {"nats": [{**_NATS, "user": "hub"}]}},
        "user goes with keys.password",
    ),
    "a password in an address": (
        {"connectors": {"nats": [{**_NATS, "servers": ["tls://hub:pass@nats"]}]}},
        "/connectors/nats/0/servers/0",
    ),
    "an export to nowhere": (
        {"connectors": {"exports": [{"name": "lake", "client": "c", "schedule": "@daily"}]}},
        "/connectors/exports/0",
    ),
    "an image with its scheme": (
        {"image": {"repository": "https://images.example/consentid"}},
        "/image/repository",
    ),
    "an image with two tags": (
        {"image": {"repository": "images.example/consentid:1.0"}},
        "/image/repository",
    ),
    "an address for a host": (
        {"ingress": {"enabled": True, "hosts": [{"host": "10.0.0.1"}]}},
        "/ingress/hosts/0/host",
    ),
    "a proxy of no address": (
        {"settings": {"trusted_proxies": ["nonsense"]}},
        "/settings/trusted_proxies/0",
    ),
    "two proxies in one": (
        {"settings": {"trusted_proxies": ["10.0.0.0/8,10.1.0.0/16"]}},
        "/settings/trusted_proxies/0",
    ),
    "a role that there is not": (
        {"settings": {"staff_roles": ["god=me"]}},
        "/settings/staff_roles/0",
    ),
    "mail of nobody": ({"settings": {"smtp_host": "m.example"}}, "smtp_host goes with smtp_from"),
    "staff without roles": (
        {"settings": {"staff_issuer": "https://login.example"}},
        "staff_issuer goes with",
    ),
    "nothing for a section": ({"web": None}, "missing property 'web'"),
    "nothing for a number": ({"web": {"replicas": None}}, "missing property 'replicas'"),
    "one role for two": (
        {"database": {"keys": {"serving": "url", "owner": "url"}}},
        "the serving role has a URL of its own",
    ),
    "an erasing role that nobody would be": (
        {
            "database": {
                "existingSecret": "",
                "keys": {"erasing": ""},
                "urls": {"serving": _URL, "owner": _URL, "erasing": _URL},
            }
        },
        "urls.erasing goes with keys.erasing",
    ),
    "two files in one": (
        {"brands": {"files": {"partners/a.toml": "1", "partners__a.toml": "2"}}},
        "would lie over another file",
    ),
    "more files than a ConfigMap holds": (
        {"brands": {"files": {f"{number}.toml": "é" * 60_000 for number in range(20)}}},
        "a ConfigMap takes 1 MiB",
    ),
    "items of nothing": (
        {"brands": {"items": [{"key": "a", "path": "a.toml"}]}},
        "go with it",
    ),
    "a share of nothing": (
        {"web": {"resources": {"requests": {"cpu": None}}}},
        "a share of web.resources.requests.cpu",
    ),
    "a monitor of nothing": (
        {"metrics": {"enabled": False, "serviceMonitor": {"enabled": True}}},
        "reads what metrics.enabled",
    ),
    "a peer that is misspelt": (
        {"networkPolicy": {"databaseTo": [{"ipBlok": {"cidr": "10.0.0.0/8"}}]}},
        "'ipBlok' not allowed",
    ),
    "a peer without its length": (
        {"networkPolicy": {"databaseTo": [{"ipBlock": {"cidr": "10.0.0.0"}}]}},
        "/networkPolicy/databaseTo/0/ipBlock/cidr",
    ),
    "a toleration that is misspelt": (
        {"worker": {"tolerations": [{"kee": "a"}]}},
        "'kee' not allowed",
    ),
    "a number as a variable": ({"extraEnv": [{"name": "A", "value": 5}]}, "/extraEnv/0/value"),
    "another's volume": (
        {"extraVolumes": [{"name": "tmp", "emptyDir": {}}]},
        "/extraVolumes/0/name",
    ),
    "a volume that is not there": (
        {"extraVolumeMounts": [{"name": "x", "mountPath": "/x"}]},
        "x is not among extraVolumes",
    ),
    "over the keys": (
        {
            "extraVolumes": [{"name": "x", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "x", "mountPath": "/run/consentid/keys"}],
        },
        "/extraVolumeMounts/0/mountPath",
    ),
    "the port twice": ({"metrics": {"port": 8000}}, "/metrics/port"),
    "less memory than was asked for": (
        {"web": {"resources": {"limits": {"memory": "250M"}}}},
        "web.resources: limits.memory (250M) is below requests.memory (256Mi): raise the limit",
    ),
    "less of a core than was asked for": (
        _resources("worker", limits={"cpu": "99m"}, requests={"cpu": 0.1}),
        "worker.resources: limits.cpu (99m) is below requests.cpu (0.1)",
    ),
    "less disk than was asked for": (
        _resources(
            "migration",
            limits={"ephemeral-storage": "1G"},
            requests={"ephemeral-storage": "1Gi"},
        ),
        "migration.resources: limits.ephemeral-storage (1G)",
    ),
    "less for a connector than was asked for": (
        _resources("connectors", limits={"cpu": 0}, requests={"cpu": "1"}),
        "connectors.resources: limits.cpu (0) is below requests.cpu (1)",
    ),
    "thousandths of a byte": (
        _resources("web", limits={"memory": "512m"}, requests={"memory": "256m"}),
        "web.resources.limits.memory: 512m is less than a process takes to start",
    ),
    "memory without its unit": (
        _resources("worker", limits={"memory": None}, requests={"memory": 256}),
        "worker.resources.requests.memory: 256 is less",
    ),
    "a resource that is misspelt": (
        {"web": {"resources": {"requests": {"cpus": 1}}}},
        "'cpus' does not match",
    ),
    "less than nothing": (
        {"web": {"resources": {"requests": {"cpu": -1}}}},
        "/web/resources/requests/cpu",
    ),
    "a node that is never drained": (
        {"podDisruptionBudget": {"maxUnavailable": 0}},
        "/podDisruptionBudget/maxUnavailable",
    ),
    "more than all": (
        {"podDisruptionBudget": {"maxUnavailable": "101%"}},
        "/podDisruptionBudget/maxUnavailable",
    ),
    "a user without its group": (
        {"security": {"fsGroup": None}},
        "security: runAsUser could not read its secrets without fsGroup",
    ),
    "a database of no address": (
        {
            "database": {
                "existingSecret": "",
                "urls": {"serving": _URL, "owner": "db:5432/hush", "erasing": _URL},
            }
        },
        "database.urls.owner: write postgresql://",
    ),
    "a Valkey of no address": ({"valkey": {"url": "cache:6379"}}, "valkey.url: write rediss://"),
    "a variable twice": (
        {"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        "extraEnv: A is there twice",
    ),
    "a variable of the chart's": (
        {
            "database": {"ca": {"configMap": "ca"}},
            "extraEnv": [{"name": "PGSSLROOTCERT", "value": "/x"}],
        },
        "extraEnv: PGSSLROOTCERT is there twice",
    ),
    "a variable of no name": ({"extraEnv": [{"name": "A B", "value": ""}]}, "/extraEnv/0/name"),
    "a volume twice": (
        {"extraVolumes": [{"name": "x", "emptyDir": {}}, {"name": "x", "emptyDir": {}}]},
        "extraVolumes: x is there twice",
    ),
    "two volumes at one place": (
        {
            "extraVolumes": [{"name": "x", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}] * 2,
        },
        "extraVolumeMounts: /x is there twice",
    ),
}
