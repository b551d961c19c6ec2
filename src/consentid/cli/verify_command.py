"""``consentid verify``: check one consent token, online from its issuer or offline from files.

Exit codes: 0 active (and every required purpose granted), 1 not, 2 wrong usage, 3 cannot tell.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from consentid.kit.errors import ConsentidError
from consentid.tokens import status
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.verifying import MAX_UNVERIFIED_LENGTH
from consentid.verify import Active, LocalhostTransport, OfflineVerifier, Verifier
from consentid.verify.issuers import is_loopback

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - its only name

ACTIVE: Final = 0
INACTIVE: Final = 1
USAGE: Final = 2
CANNOT_TELL: Final = 3

_CANNOT_TELL: Final = frozenset({Reason.KEYS_UNAVAILABLE, Reason.STATUS_UNAVAILABLE})

REMEDIES: Final = {
    Reason.TOO_LONG: "longer than any token: is this the token alone?",
    Reason.NOT_COMPACT: "not three parts joined by dots: is this the whole token?",
    Reason.BAD_ENCODING: "not strict base64url: was it cut or re-encoded on its way?",
    Reason.BAD_HEADER: "its header holds something else than alg, kid and typ",
    Reason.WRONG_ALGORITHM: "not signed with ES256",
    Reason.WRONG_TYPE: "not a consent token: an ID token or a status list, perhaps",
    Reason.BAD_CLAIMS: "a claim is missing or of the wrong type",
    Reason.DUPLICATE_CLAIMS: "a claim is there twice",
    Reason.UNKNOWN_KEY: "signed with a key that the issuer does not publish",
    Reason.BAD_SIGNATURE: "its signature does not hold: it is forged or was changed",
    Reason.WRONG_ISSUER: "issued by somebody else",
    Reason.WRONG_AUDIENCE: "meant for another audience",
    Reason.NOT_YET_VALID: "issued in the future: is this machine's clock right?",
    Reason.EXPIRED: "expired: ask for a new one",
    Reason.LIFETIME_TOO_LONG: "valid for longer than any token may be",
    Reason.SUPERSEDED: "the person's choices changed since: ask for a new one",
    Reason.FOREIGN_STATUS_LIST: "its status list is not its issuer's",
    Reason.WRONG_STATUS_LIST: "its status list is another one than was served",
    Reason.KEYS_UNAVAILABLE: "the issuer's keys cannot be fetched",
    Reason.STATUS_UNAVAILABLE: "no valid status list for it could be had",
}


class _Arguments(Protocol):
    token: str
    audience: str
    issuer: str | None
    jwks: Path | None
    status_list: list[Path]
    require: list[str]
    max_list_age: int
    strict: bool
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check a consent token",
        description=(
            "Check a consent token: its signature, issuer, audience, times and status. "
            "Nobody is told which token is checked."
        ),
        epilog="Exit codes: 0 active, 1 not active, 2 wrong usage, 3 cannot tell (network, lists).",
    )
    parser.add_argument("token", metavar="TOKEN", help="the token, or - to read it from input")
    parser.add_argument(
        "--audience", required=True, metavar="URI", help="the registered URI that you answer to"
    )
    parser.add_argument(
        "--issuer",
        metavar="URL",
        help=(
            "fetch keys and status lists from this issuer; "
            "with --jwks, the issuer that the token must name"
        ),
    )
    parser.add_argument("--jwks", type=Path, metavar="FILE", help="offline: the issuer's keys")
    parser.add_argument(
        "--status-list",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="offline: a status list of the issuer's; may be given again",
    )
    parser.add_argument(
        "--max-list-age",
        type=int,
        default=status.TTL_S,
        metavar="SECONDS",
        help=(
            "offline: how long after its signing a status list is believed, never past its "
            f"expiry (default: {status.TTL_S}); a withdrawal may go unseen for so long"
        ),
    )
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="PURPOSE",
        help="fail unless this purpose is granted; may be given again",
    )
    parser.add_argument(
        "--strict", action="store_true", help="fetch status lists again after 60 s at most"
    )
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check the token and print what was found.  Answers the exit code."""
    given = cast("_Arguments", cast("object", args))
    from_input = given.token == "-"  # noqa: S105 - the usual name of standard input
    token = sys.stdin.read(2 * MAX_UNVERIFIED_LENGTH) if from_input else given.token
    try:
        found = _verify(given, token.strip())
    except ConsentidError as error:
        _say_error(given, error)
        return USAGE
    missing = (
        [] if isinstance(found, Inactive) else [p for p in given.require if not found.allows(p)]
    )
    if given.json:
        print(json.dumps(_as_json(found, missing)))
    else:
        _say(found, missing)
    if isinstance(found, Inactive):
        return CANNOT_TELL if found.reason in _CANNOT_TELL else INACTIVE
    return INACTIVE if missing else ACTIVE


def _verify(given: _Arguments, token: str) -> Active | Inactive:
    if given.jwks is not None or given.status_list:
        if given.jwks is None or not given.status_list:
            raise ConsentidError("usage", "offline takes both --jwks and --status-list")
        return OfflineVerifier.from_files(
            audience=given.audience,
            jwks_file=given.jwks,
            status_list_files=given.status_list,
            issuer=given.issuer,
            max_list_age_s=given.max_list_age,
        ).verify(token)
    issuer = given.issuer
    if not issuer:
        raise ConsentidError(
            "usage", "give --issuer URL, or --jwks FILE and --status-list FILE to stay offline"
        )
    transport = LocalhostTransport() if _is_local(issuer) else None
    with Verifier(
        issuer=issuer, audience=given.audience, strict=given.strict, transport=transport
    ) as verifier:
        return verifier.verify(token)


def _is_local(issuer: str) -> bool:
    try:
        return is_loopback(urlsplit(issuer).hostname or "")
    except ValueError:
        return False


def _as_json(found: Active | Inactive, missing: list[str]) -> dict[str, object]:
    if isinstance(found, Inactive):
        return {"active": False, "reason": found.reason}
    answer: dict[str, object] = {
        "active": True,
        "sub": found.sub,
        "aud": found.aud,
        "granted": sorted(found.granted),
        "refused": sorted(found.refused),
        "rev": found.rev,
        "exp": found.exp_s,
    }
    return {**answer, "missing": missing, "decision": "deny" if missing else "allow"}


def _say(found: Active | Inactive, missing: list[str]) -> None:
    if isinstance(found, Inactive):
        verdict = "cannot tell" if found.reason in _CANNOT_TELL else "not active"
        print(f"{verdict}: {found.reason} ({REMEDIES[found.reason]})")
        return
    until = datetime.fromtimestamp(found.exp_s, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    print(f"active until {until}")
    print(f"  person    {found.sub}")
    print(f"  audience  {found.aud}")
    print(f"  granted   {', '.join(sorted(found.granted)) or 'nothing'}")
    print(f"  refused   {', '.join(sorted(found.refused)) or 'nothing'}")
    if missing:
        print(f"does not allow: {', '.join(missing)}")


def _say_error(given: _Arguments, error: ConsentidError) -> None:
    if given.json:
        print(json.dumps({"error": error.code, "message": error.message, "where": error.where}))
    else:
        where = f"{error.where}: " if error.where else ""
        print(f"consentid verify: {where}{error.message}", file=sys.stderr)
