"""What the README tells a new user to type, typed in its order, against a hub that runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.web.hub import REPOSITORY, Hub, Person
from tests.web.pages.visits import origin_of

from consentid.settings import Settings, writing

_SECTIONS = (
    "A brand's site, in ten minutes",
    "On the telephone, in a shop, on paper",
    "A question by e-mail, text message or QR code",
    "Where there is no network",
)
_NOT_HERE = (
    "consentid dev",  # the hub of these tests runs already
    "consentid brands",
    "CONSENTID_SMTP_HOST",
    "field revoke DEVICE",
)
_AROUND = """
uv() { shift 2; "$PYTHON" -m consentid "$@" || echo "consentid $*: $?" >> failed; }
curl() { command curl --fail-with-body --show-error "$@" || echo "curl ${!#}: $?" >> failed; }
"""


def _examples() -> str:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    blocks: list[str] = []
    for name in _SECTIONS:
        section = readme.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        found = [each.partition("```")[0] for each in section.split("```sh\n")[1:]]
        assert found, name
        blocks += [each for each in found if not any(word in each for word in _NOT_HERE)]
    text = "\n".join(blocks)
    config = "export CONSENTID_CONFIG=.consentid/dev.toml HUB=http://consent.localhost:7600\n"
    assert config in text
    return text.replace(config, "")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README types curl; CI installs it")
def test_what_the_readme_says_to_type_works(hub: Hub, valkey_url: str, tmp_path: Path) -> None:
    """One after the other, as one shell; what it may refuse is named."""
    url = hub.owner.url.render_as_string(hide_password=False)
    chosen = Settings(
        database_url=url,
        migration_database_url=url,
        valkey_url=valkey_url,
        keys_dir=hub.log.parent / "keys",
        brands_dir=hub.log.parent / "brands",
        localhost_hosts=True,
    )
    writing.write(chosen, tmp_path / "dev.toml", command="dev")
    person = Person()
    done = subprocess.run(  # noqa: S603  our own page
        ["/bin/bash", "-c", _AROUND + _examples()],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if "CONSENTID_" not in name},
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHON": sys.executable,
            "CONSENTID_CONFIG": str(tmp_path / "dev.toml"),
            "HUB": origin_of(hub),
            "ID_TOKEN": hub.id_token(person),
            "NEXT_ID_TOKEN": hub.id_token(person),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    failed = (tmp_path / "failed").read_text().splitlines()
    # Nobody has answered the approval yet; what is held here depends on the tests before this one.
    (refused,) = [each for each in failed if not each.startswith("consentid captures ")] or [said]
    assert refused.startswith("curl auth_req_id="), said
    assert '"error":"authorization_pending"' in said
    assert '"effect":"waits"' in said
    assert f"{origin_of(hub)}/link#" in said
    assert "1  recorded  " in said
