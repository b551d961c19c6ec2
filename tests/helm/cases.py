"""Values that an operator may write, the odd ones above all."""

from typing import Any

CANARY = 'hush-{{ .Values }} "quoted" $(env) é'
"""A secret that must be in Secrets and nowhere else, whatever characters it is made of."""

_URL = f"postgresql://serving:{CANARY}@db/consentid"
_PLACING: dict[str, Any] = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}
                ]
            }
        }
    },
    "priorityClassName": "high",
    "podAnnotations": {"note": "yes: {a} # not a comment"},
}
_NO_LIMITS: dict[str, Any] = {
    "resources": {"limits": None, "requests": {"cpu": 1, "memory": "1Gi"}}
}

_NATS: dict[str, Any] = {"name": "crm", "client": "news-crm", "servers": ["nats://nats"]}

SOUND: dict[str, dict[str, Any]] = {
    "nothing": {},
    "everything": {
        "image": {
            "repository": "images.example:5000/group/consentid",
            "digest": "sha256:" + "0" * 64,
            "pullSecrets": ["pull"],
        },
        "valkey": {"existingSecret": "valkey"},
        "portal": {"existingSecret": "portal", "key": "the.key"},
        "mail": {"existingSecret": "mail"},
        "staff": {"existingSecret": "staff"},
        "keyring": {"ledgerSecret": "log-key"},
        "database": {"ca": {"configMap": "authorities"}},
        "brands": {
            "existingConfigMap": "brands",
            "items": [{"key": "reach", "path": "partners/reach.toml"}],
        },
        "settings": {
            "trusted_proxies": ["10.0.0.0/8", "fd00::/8"],
            "traces": True,
            "drain_s": 45,
            "smtp_host": "mail.example",
            "smtp_from": "Halcyon <consent@halcyon.example>",
            "ledger_origin": "consent.example/ledger/2",
            "portal_events_audience": None,
        },
        "web": _PLACING,
        "worker": {**_PLACING, "replicas": 3},
        "migration": {"podAnnotations": {"sidecar.istio.io/inject": "false"}},
        "copies": {"existingClaim": "copies"},
        "podDisruptionBudget": {"maxUnavailable": "25%"},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"cert-manager.io/cluster-issuer": "public"},
            "hosts": [
                {"host": "consent.halcyon.example", "tlsSecret": "consent-tls"},
                {"host": "consent.second-group.example"},
            ],
        },
        "networkPolicy": {
            "ingressFrom": [],
            "databaseTo": [{"ipBlock": {"cidr": "10.1.2.0/24"}}],
            "mailTo": [{"ipBlock": {"cidr": "10.1.3.0/24"}}],
            "extraEgress": [{"ports": [{"protocol": "TCP", "port": 4318}]}],
        },
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        },
        "serviceAccount": {"annotations": {"eks.example/role": "arn:1"}},
        "extraEnv": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel:4318"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    },
    "as little as can be": {
        "autoscaling": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "metrics": {"enabled": False, "prometheusRule": {"enabled": True}},
        "serviceAccount": {"create": False},
        "web": {"replicas": 0, "preStopSeconds": 0, **_NO_LIMITS},
        "worker": {"replicas": 0},
        "database": {"keys": {"erasing": ""}},
    },
    "secrets among the values": {
        "database": {
            "existingSecret": "",
            "urls": {"serving": _URL, "owner": _URL, "erasing": _URL},
        },
        "valkey": {"url": f"rediss://:{CANARY}@cache"},
        "portal": {"clientSecret": CANARY},
        "mail": {"password": CANARY},
        "staff": {"clientSecret": CANARY},
        "keyring": {
            "existingSecret": "",
            "files": {"keyring.json": "{}", "master.key": CANARY, "k-1_a.pem": f"---\n{CANARY}\n"},
        },
    },
    "brand files": {
        "brands": {
            "files": {
                "group.toml": 'name = "Halcyon « é » {{ .Values.x }}"\n# "quotes" \\ \'too\'\n',
                "partners/reach.toml": "a = 1\r\n\tb = 2\n",
            }
        }
    },
    "keys on a disk": {
        "keyring": {"existingSecret": "", "existingClaim": "keys"},
        "copies": {"existingClaim": "copies"},
        "brands": {"files": {"group.toml": ""}},
    },
    "connectors": {
        "connectors": {
            "nats": [
                {
                    "name": "crm",
                    "client": "news-crm",
                    "servers": ["tls://nats.example:4222", "tls://[fd00::4]:4222"],
                    "user": "hub",
                    "existingSecret": "nats",
                    "keys": {"password": "the.password", "ca": "ca.crt"},
                    "stream": "consent_EU-1",
                    "subject": "eu.consent",
                    "keepDays": 0,
                    "streamReplicas": 3,
                },
                {
                    "name": "a-name-of-24-characters1",
                    "client": "shop-crm",
                    "servers": ["nats://nats"],
                    "existingSecret": "creds",
                    "keys": {"credentials": "hub.creds"},
                },
                {"name": "bare", "client": "bare", "servers": ["nats://nats"]},
            ],
            "exports": [
                {
                    "name": "lake",
                    "client": "news-crm",
                    "schedule": "17 */2 * * 1-5",
                    "format": "parquet",
                    "existingClaim": "lake",
                },
                {
                    "name": "sheets",
                    "client": "shop-crm",
                    "schedule": "@daily",
                    "format": "csv",
                    "existingClaim": "lake",
                    "folder": "a.folder",
                },
            ],
            **_PLACING,
        },
        "valkey": {"existingSecret": "valkey"},
        "portal": {"existingSecret": "portal"},
        "mail": {"existingSecret": "mail"},
        "staff": {"existingSecret": "staff"},
        "keyring": {"ledgerSecret": "log-key"},
        "copies": {"existingClaim": "copies"},
        "networkPolicy": {"natsTo": [{"ipBlock": {"cidr": "10.1.4.0/24"}}], "natsPort": 4223},
    },
    "twenty brands and as many hosts": {
        "brands": {
            "files": {
                "group.toml": 'name = "Group"\n',
                **{f"{number}-brand.toml": f"n = {number}\n" for number in range(20)},
                **{f"partners/p{number}.toml": "" for number in range(20)},
            }
        },
        "ingress": {
            "enabled": True,
            "hosts": [
                {"host": f"consent.{number}-brand.example", "tlsSecret": f"tls-{number}"}
                for number in range(20)
            ]
            + [{"host": f"{'x' * 63}.{'y' * 63}.{'z' * 63}.example"}],
        },
    },
    "addresses of six": {
        "bindAddress": "::",
        "settings": {"trusted_proxies": ["::1", "fd00::/8", "2001:db8::1/128"]},
        "networkPolicy": {
            "ingressFrom": [{"ipBlock": {"cidr": "fd00::/8"}}],
            "databaseTo": [{"ipBlock": {"cidr": "2001:db8::5/128"}}],
            "publicHttps": False,
        },
        "ingress": {"enabled": True, "hosts": [{"host": "xn--bcher-kva.example"}]},
    },
    "large numbers": {
        "settings": {
            "connections": 1_000_000,
            "confirm_within_s": 2_147_483_647,
            "drain_s": 3_600,
            "erasure_proof_d": 0,
        },
        "web": {"preStopSeconds": 300},
        "autoscaling": {"minReplicas": 1, "maxReplicas": 1_000_000},
    },
    "a cluster that chooses": {
        "security": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "bindAddress": "::",
        "fullnameOverride": "a-name-that-is-much-longer-than-what-fits-into-a-label-of-kubernetes",
        "image": {"tag": "v1.2.3-rc.1_build", "pullPolicy": "Always"},
        "service": {"type": "NodePort", "port": 8443},
    },
}

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
    "two databases": ({"database": {"urls": {"serving": "x", "owner": "x"}}}, "not both"),
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
    "the port twice": ({"metrics": {"port": 8000}}, "/metrics/port"),
}
