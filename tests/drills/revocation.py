"""``python -m tests.drills.revocation``: how long a stolen key is of use, by real clocks.

Two web processes and a worker serve; verifiers of every kind believe a token under the key that is
stolen, and one that was forged with it.  ``consentid keys revoke`` tells the database and the
folder.  Told is after how many seconds each verifier had ceased to believe either, how long it took
to believe the next token that the same device got with what it had, and what ``consentid keys
affected`` says of both.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.drills.rotation import Ask, Told, consentid, enter, kid_of, verifiers_of
from tests.faults.deployment import Deployment, deployed
from tests.faults.runs import opened

from consentid.embedded.places import scratch_folder
from consentid.keyring import loading
from consentid.keyring.manifest import Use
from consentid.kit import base64url
from consentid.tokens import consent

BOUNDS_S: Final = {"strict": 60.0, "default": 300.0}
"""Of whoever else is asked: 60, online."""
ONLINE_S: Final = 60.0
_LOOK_S: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Revoked:
    """What came of it."""

    refused_after_s: dict[str, float] = field(default_factory=dict[str, float])
    """By who verifies, from when the command began."""
    command_s: float = 0.0
    believed_after_s: dict[str, float] = field(default_factory=dict[str, float])
    """The next token, from when it was issued."""
    has_other_key: bool = False
    verdicts: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def late(self) -> list[str]:
        """Who took longer than is promised."""
        after = self.refused_after_s
        return [name for name in after if after[name] > BOUNDS_S.get(name, ONLINE_S)]


def forge(keys: Path, token: str) -> str:
    """A token that lives for a day, by whoever has copied the key.

    One that grants more is refused online without that, since the history does not imply it.
    """
    claims = consent.read_claims(base64url.decode(token.split(".")[1]))
    longer = msgspec.structs.replace(claims, exp=claims.iat + consent.MAX_LIFETIME_S)
    key = loading.load(keys).active(Use.CONSENT)
    signing_input = consent.unsigned(longer, key.kid)
    return consent.assemble(signing_input, key.sign(signing_input))


async def run(deployment: Deployment, draw: random.Random, *, patience_s: float) -> Revoked:
    """Steal, revoke, watch; whoever may take longer than ``patience_s`` is not waited for."""
    told = Revoked()
    verifiers = verifiers_of(deployment, draw)
    async with opened(deployment) as nodes:
        (site,) = await enter(deployment, nodes, verifiers, draw, Told(), clients=1)
        token = await site.issue()
        forged = forge(deployment.folder / "keys", token)
        asked = site.asked()
        for name, ask in asked.items():
            for each in (token, forged):
                assert not (why := await ask(each)), f"{name}: {why}"
        begun_s = time.monotonic()
        watched = [name for name in asked if BOUNDS_S.get(name, 0.0) <= patience_s]
        async with asyncio.TaskGroup() as group:
            for name in watched:
                group.create_task(_watch(told, name, asked[name], (token, forged), begun_s))
            stolen_at = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 3_600))
            words = ("keys", "revoke", kid_of(token), "--stolen-at", stolen_at, "--json")
            owner = deployment.postgres.urls().owner
            await consentid(deployment, *words, CONSENTID_MIGRATION_DATABASE_URL=owner)
            told.command_s = round(time.monotonic() - begun_s, 2)
            fresh = await site.issue()
            told.has_other_key = kid_of(fresh) != kid_of(token)
            issued_s = time.monotonic()
            for name, ask in asked.items():
                while True:
                    if not await ask(fresh):
                        break
                    await asyncio.sleep(_LOOK_S)
                told.believed_after_s[name] = round(time.monotonic() - issued_s, 2)
    for verifier in verifiers.values():
        await verifier.aclose()
    told.verdicts = await _affected(deployment, token=token, forged=forged)
    return told


async def _watch(
    told: Revoked, name: str, ask: Ask, tokens: tuple[str, ...], begun_s: float
) -> None:
    while True:
        if all([await ask(token) for token in tokens]):
            break
        await asyncio.sleep(_LOOK_S)
    told.refused_after_s[name] = round(time.monotonic() - begun_s, 2)


async def _affected(deployment: Deployment, **tokens: str) -> dict[str, str]:
    """What is told of tokens that were met somewhere."""
    files: dict[str, str] = {}
    for name, token in tokens.items():
        file = deployment.folder / name
        file.write_text(token)
        files[str(file)] = name
    words = ("keys", "affected", kid_of(tokens["token"]), *files, "--json")
    found: dict[str, Any] = json.loads(await consentid(deployment, *words, may_say_no=True))
    return {name: found["judged"][file]["verdict"] for file, name in files.items()}


def main() -> int:
    """Revoke, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.revocation", description=__doc__)
    parser.add_argument("--patience", type=float, default=320.0, metavar="SECONDS")
    given = parser.parse_args()

    async def all_of_it(folder: Path) -> Revoked:
        draw = random.Random(secrets.randbits(32))  # noqa: S311 a test's dice
        async with deployed(folder) as deployment:
            return await run(deployment, draw, patience_s=float(given.patience))

    folder = scratch_folder()
    try:
        told = asyncio.run(all_of_it(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({**asdict(told), "late": told.late}, indent=2))  # noqa: T201 a command speaks
    return 1 if told.late else 0


if __name__ == "__main__":
    sys.exit(main())
