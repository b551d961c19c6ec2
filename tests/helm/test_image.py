"""What goes into the image; that it can be installed by its pins, CI shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.helm.rendering import REPOSITORY

HELM = REPOSITORY / "helm"


def test_the_bill_of_materials_names_what_is_installed_at_its_pins() -> None:
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, str(HELM / "bill_of_materials.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {each["purl"].partition("@")[0]: each["version"] for each in bill["components"]}
    pinned = (REPOSITORY / "requirements.txt").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+)", pinned, re.MULTILINE)
    known = {name: version for name, version in pins if f"pkg:pypi/{name}" in found}
    assert {"litestar", "cryptography", "sqlalchemy"} <= known.keys()
    assert {name: found[f"pkg:pypi/{name}"] for name in known} == known
    assert "pkg:pypi/consentid" in found
    references = [each["bom-ref"] for each in bill["components"]]
    assert len(set(references)) == len(references)


def test_the_image_is_built_by_hash_and_runs_as_nobody() -> None:
    lines = (HELM / "Containerfile").read_text()
    build, _, final = lines.partition("\nFROM ${PYTHON}\n")
    assert "install.sh" in build
    assert "--require-hashes" in (HELM / "install.sh").read_text()
    assert "\nUSER 10001:10001\n" in final
    assert "RUN " not in final
    assert ":latest" not in lines
    # Nor is what installs it taken as it comes.
    assert "pip install --no-cache-dir --require-hashes" in build
    assert re.fullmatch(
        r"uv==[\d.]+( \\\n    --hash=sha256:[0-9a-f]{64})+\n", (HELM / "installer.txt").read_text()
    )


def test_the_image_sees_what_it_is_made_of_and_no_keys() -> None:
    let_in = {
        line[1:]
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = re.findall(
        r"^COPY (?!--from)(.+) /build/$", (HELM / "Containerfile").read_text(), re.MULTILINE
    )
    assert {each for line in copied for each in line.split()} == let_in
    assert "\n*\n" in (REPOSITORY / ".dockerignore").read_text()


def test_wheels_of_two_versions_are_not_taken_for_one(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  our own program
        ["bash", HELM / "install.sh", tmp_path, "a-1.whl", "a-2.whl", "requirements.txt", "nats"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "several versions" in done.stderr
