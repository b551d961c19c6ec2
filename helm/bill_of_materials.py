# ruff: noqa: INP001 - a program of its own, in no package
"""Tell what is installed beside the interpreter that runs this.  Spec: CycloneDX 1.6.

It needs nothing but that interpreter: the image makes its own bill, of itself.
"""

import importlib.metadata
import json
import re
import sys
from importlib.metadata import Distribution


def main() -> None:
    """Write the bill to standard output."""
    found = sorted(importlib.metadata.distributions(), key=lambda each: each.name.lower())
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "name": "consentid",
                "version": importlib.metadata.version("consentid"),
            }
        },
        "components": [_component(each) for each in found],
    }
    json.dump(bill, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _component(found: Distribution) -> dict[str, object]:
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', found.name.lower())}@{found.version}"
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": purl,
        "name": found.name,
        "version": found.version,
        "purl": purl,
    }
    expression = found.metadata.get("License-Expression")
    classifiers = found.metadata.get_all("Classifier") or []
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    if expression:
        component["licenses"] = [{"expression": expression}]
    elif named:
        component["licenses"] = [{"license": {"name": each}} for each in named]
    elif found.metadata.get("License"):
        first_line = found.metadata["License"].splitlines()[0]
        component["licenses"] = [{"license": {"name": first_line}}]
    return component


if __name__ == "__main__":
    main()
