"""What the chart's schema says of settings: the object's, less what the chart says itself.

After a change of the object, ``python -m tests.helm.settings_schema`` writes it into the schema,
and the reference into the README.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields as fields_of

from consentid.settings import Settings
from consentid.settings.chosen import NETWORKS, SECRETS
from consentid.settings.reference import entries, markdown
from consentid.settings.staff import Role

SAID_ELSEWHERE = frozenset(
    {
        *SECRETS,
        *("brands_dir", "keys_dir", "ledger_copy", "erasure_list"),
        *("host", "port", "uds", "workers", "metrics_host", "metrics_port"),
        *("localhost_hosts", "chromium"),
    }
)
_NETWORK = r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$"
_ROLE = rf"^(({'|'.join(Role)})=)?[^=,\s][^=,]*$"
"""What reads them (``consentid.settings.reading``) is nearer, and the migration does so first."""

REPOSITORY = Path(__file__).parents[2]
SCHEMA = REPOSITORY / "helm" / "consentid" / "values.schema.json"
README = REPOSITORY / "README.md"


def settings_schema() -> dict[str, Any]:
    """The part of ``values.schema.json`` that stands for settings."""
    fields = [each for each in fields_of(Settings) if each.name not in SAID_ELSEWHERE]
    plain = msgspec.defstruct("Plain", [(each.name, each.type) for each in fields])
    properties: dict[str, Any] = msgspec.json.schema(plain)["$defs"]["Plain"]["properties"]
    for entry in entries():
        if entry.name in properties:
            properties[entry.name]["description"] = entry.said
    for name in NETWORKS:
        properties[name]["items"]["pattern"] = _NETWORK
    properties["staff_roles"]["items"]["pattern"] = _ROLE
    # Helm's engine has no \Z; in JSON Schema $ is the very end.
    text = json.dumps(properties, sort_keys=True).replace("\\\\Z", "$")
    return {"type": "object", "additionalProperties": False, "properties": json.loads(text)}


def read_schema() -> dict[str, Any]:
    """The chart's schema as it stands."""
    return json.loads(SCHEMA.read_text())


if __name__ == "__main__":
    schema = read_schema()
    schema["properties"]["settings"] = settings_schema()
    SCHEMA.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    before, _, after = README.read_text().partition(markdown().partition("\n")[0] + "\n")
    rest = after[after.index("|\n\n") + 1 :] if "|\n\n" in after else "\n"
    README.write_text(f"{before}{markdown()}{rest}")
