"""``consentid links key | mint``: consent links, made without a network.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import argparse
import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

import segno
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import ConflictError, MalformedError
from consentid.links import Question, mint, read_hub, read_minter
from consentid.links.asking import USUAL_LIFETIME_S
from consentid.links.claims import MAX_LIFETIME_S
from consentid.tokens import jwks

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

_DAY_S: Final = 86_400
_PRIVATE_MODE: Final = 0o600
_MAX_ADDRESS: Final = 320
_QUIET_ZONE: Final = 4


class _Arguments(Protocol):
    action: str
    json: bool
    file: Path
    client: str
    key: Path
    hub: str
    hub_keys: Path
    brand: str | None
    partner: str | None
    purpose: list[str]
    to: str | None
    sub: str | None
    capture: str | None
    language: str | None
    days: int
    qr: bool
    qr_svg: Path | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "links",
        help="make signed consent links, offline",
        description=(
            "A consent link asks one person one thing, by e-mail, by text message or as a QR code. "
            "It is signed by who asks and sealed to the hub; making one needs no network."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    making = actions.add_parser(
        "key",
        help="make a key to sign links with",
        description=(
            "Write a new private key to FILE and show its public half, for the client's `jwks` in "
            "brands/, beside the scope links:write."
        ),
    )
    making.add_argument("file", type=Path, metavar="FILE", help="a new file; never overwritten")
    making.add_argument("--json", action="store_true", help="answer as one JSON object")
    minting = actions.add_parser(
        "mint",
        help="make a link",
        description=(
            "Make a link, good for one answer. The hub's keys are at /link-keys.json, once for all."
        ),
        epilog=(
            "Example: consentid links mint --hub https://consent.example --hub-keys link-keys.json "
            "--client news-letters --key news.pem --brand news --purpose contact.email --to -"
        ),
    )
    _add_minting(minting)
    parser.set_defaults(run=run)
    return parser


def _add_minting(minting: argparse.ArgumentParser) -> None:
    minting.add_argument("--hub", required=True, metavar="URL", help="the hub's issuer")
    minting.add_argument("--hub-keys", required=True, type=Path, metavar="FILE", help="its keys")
    minting.add_argument("--client", required=True, metavar="ID", help="the client that asks")
    minting.add_argument("--key", required=True, type=Path, metavar="FILE", help="its private key")
    for_whom = minting.add_mutually_exclusive_group(required=True)
    for_whom.add_argument("--brand", metavar="SLUG", help="whom an answer is for")
    for_whom.add_argument("--partner", metavar="SLUG", help="whom an answer is for")
    minting.add_argument(
        "--purpose",
        action="append",
        required=True,
        metavar="PURPOSE",
        help="what is asked; may be given again: one answer for all",
    )
    minting.add_argument(
        "--to",
        metavar="ADDRESS",
        help="the addressee, shown masked to who opens it; - reads it from input",
    )
    minting.add_argument("--sub", help="the addressee as you know them: nobody else can answer")
    minting.add_argument("--capture", metavar="ID", help="the capture that an answer confirms")
    minting.add_argument("--language", metavar="TAG", help="en, fr")
    minting.add_argument(
        "--days",
        type=int,
        default=USUAL_LIFETIME_S // _DAY_S,
        metavar="N",
        help=f"how long it is good (default: %(default)s; at most {MAX_LIFETIME_S // _DAY_S})",
    )
    minting.add_argument("--qr", action="store_true", help="show it as a QR code, too")
    minting.add_argument("--qr-svg", type=Path, metavar="FILE", help="write a QR code as SVG")
    minting.add_argument("--json", action="store_true", help="answer as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do what was asked and show it."""
    given = cast("_Arguments", cast("object", args))
    if given.action == "key":
        _make_key(given)
    else:
        _mint(given)
    return Exit.OK


def _make_key(given: _Arguments) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(given.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError as error:
        raise ConflictError(
            "key_file_exists", f"{given.file} exists and is never overwritten"
        ) from error
    except OSError as error:
        raise _unusable(given.file, error) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    public = key.public_key()
    terminal.say_json({"keys": [jwks.jwk(jwks.kid_of(public), public)]})
    if not given.json:
        terminal.note(f"{given.file} signs links from now on: keep it secret.")


def _mint(given: _Arguments) -> None:
    addressee = sys.stdin.read(_MAX_ADDRESS).strip() if given.to == "-" else given.to
    link = mint(
        Question(
            purposes=tuple(given.purpose),
            brand=given.brand,
            partner=given.partner,
            addressee=addressee,
            sub=given.sub,
            capture=given.capture,
            language=given.language,
        ),
        minter=read_minter(given.client, _read(given.key)),
        hub=read_hub(given.hub, _read(given.hub_keys)),
        now_s=time.time(),
        lifetime_s=given.days * _DAY_S,
        randomness=secrets.token_bytes,
    )
    if given.json:
        terminal.say_json({"link": link})
    else:
        terminal.say(link)
    drawn = segno.make(link, error="l", micro=False)
    if given.qr_svg is not None:
        try:
            drawn.save(str(given.qr_svg), kind="svg", border=_QUIET_ZONE, omitsize=True)
        except OSError as error:
            raise _unusable(given.qr_svg, error) from error
    if given.qr:
        drawn.terminal(out=sys.stderr, border=_QUIET_ZONE, compact=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> MalformedError:
    return MalformedError("file_error", f"{path}: {error.strerror}", where=str(path))
