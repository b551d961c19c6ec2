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
    "words that YAML takes for others": {
        "nameOverride": "no",
        "fullnameOverride": "1e5",
        "image": {"tag": "20261123"},
        "database": {
            "existingSecret": "123",
            "keys": {"serving": "1", "owner": "02", "erasing": "3"},
        },
        "keyring": {"existingSecret": "0x1f"},
        "valkey": {"existingSecret": "1e9", "key": "007"},
        "portal": {"existingSecret": "true", "key": "null"},
        "serviceAccount": {"create": False, "name": "123"},
        "copies": {"existingClaim": "9"},
        "settings": {
            "actor": "007",
            "smtp_host": "0123",
            "smtp_user": "1e10",
            "smtp_from": '"A: {b}" <x@y.example>',
            "portal_events_audience": "0x10",
        },
        "brands": {"files": {"1e3.toml": "yes", "null.toml": " \n\ufeff---\n...\n%YAML"}},
        "ingress": {
            "enabled": True,
            "annotations": {
                "a/snippet": "more_set_headers \"X: {{ y }}\";\n# $x `z` 'q'",
                **dict(
                    zip(
                        "bcdefghij",
                        ("yes", "1e3", "0644", "null", "a: b # c", "*x", "&x", "", " \t"),
                        strict=True,
                    )
                ),
            },
            "hosts": [{"host": "1.2.c0m"}, {"host": "a-b.example"}, {"host": "a.b.example"}],
        },
        "extraEnv": [
            {"name": "A", "value": "5"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
    },
    "lists with nothing in them": {
        "ingress": {"hosts": None, "annotations": None},
        "brands": {"files": None, "items": None},
        "keyring": {"files": None},
        "image": {"pullSecrets": None},
        "connectors": {"nats": None, "exports": None},
        "extraEnv": None,
        "extraVolumes": None,
        "extraVolumeMounts": None,
        "web": dict.fromkeys(("nodeSelector", "tolerations", "affinity", "podAnnotations")),
        "networkPolicy": {"ingressFrom": None, "databaseTo": None, "extraEgress": None},
        "autoscaling": {"enabled": False},
    },
    "a cluster that chooses": {
        "security": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "bindAddress": "::",
        "fullnameOverride": "a-name-that-is-much-longer-than-what-fits-into-a-label-of-kubernetes",
        "image": {"tag": "v1.2.3-rc.1_build", "pullPolicy": "Always"},
        "service": {"type": "NodePort", "port": 8443},
    },
}
