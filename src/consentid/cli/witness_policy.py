"""A policy file: whose cosignatures of the log count, and how many it takes.

quorum = 2
witnesses = ["witness.example/w1+8d66cf3f+BA...", "..."]
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from consentid.kit.errors import MalformedError
from consentid.ledger.cosignature import Policy
from consentid.ledger.note import COSIGNATURE, parse_key


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quorum: Annotated[int, Meta(ge=1)]
    witnesses: list[str]


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        MalformedError: it cannot be read, a key is none of a witness, or it asks for more
            witnesses than it names.
    """
    try:
        given = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise _bad(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _bad(str(path), str(error)) from error
    return policy_of(given.quorum, given.witnesses, where=str(path))


def policy_of(quorum: int, witnesses: Sequence[str], *, where: str) -> Policy:
    """Make a policy of keys as C2SP writes them; ``where`` they stand.

    Raises:
        MalformedError: a key is none of a witness, or more witnesses are asked for than named.
    """
    keys = tuple(
        parse_key(each, where=f"{where}: witnesses[{place}]")
        for place, each in enumerate(witnesses)
    )
    for place, key in enumerate(keys):
        if key.kind != COSIGNATURE:
            raise MalformedError(
                "bad_policy",
                "it is a log's key, not a witness's",
                where=f"{where}: witnesses[{place}]",
            )
    names = {key.name for key in keys}
    if len(names) != len(keys):
        raise _bad(where, "a witness is named twice")
    if quorum > len(keys):
        raise _bad(where, f"{quorum} witnesses are demanded, and {len(keys)} named")
    return Policy(witnesses=keys, quorum=quorum)


def _bad(where: str, message: str) -> MalformedError:
    return MalformedError("bad_policy", message, where=where)
