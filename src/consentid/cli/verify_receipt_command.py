"""``consentid verify-receipt``: check a receipt, offline from files or with its issuer's keys.

Exit codes: 0 it holds, 1 it does not, 2 wrong usage, 3 cannot tell.
"""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol, TypeAlias, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from consentid.cli import terminal
from consentid.cli.terminal import Exit, Style
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.ledger.note import parse_key
from consentid.tokens import jwks
from consentid.tokens.receipt import MAX_BYTES, Receipt
from consentid.verify.issuers import is_loopback
from consentid.verify.localhost import LocalhostTransport
from consentid.verify.receipt_sources import fetch_proof, fetch_trusted
from consentid.verify.receipts import Findings, Outcome, Trusted, check_receipt

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - its only name

_Word: TypeAlias = Annotated[str, Meta(max_length=128, pattern=r"^[\x21-\x7e]+$")]
_VERDICTS: Final = {
    Outcome.HOLDS: ("the receipt holds", Style.GREEN, Exit.OK),
    Outcome.FAILS: ("the receipt does not hold", Style.RED, Exit.NO),
    Outcome.UNTOLD: ("cannot tell", Style.YELLOW, Exit.UNAVAILABLE),
}


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    purpose: _Word
    outcome: _Word


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    recorded_at: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    reach: _Word
    choices: list[_Choice]


class _Arguments(Protocol):
    receipt: str
    issuer: str | None
    jwks: Path | None
    log_key: list[str]
    proof: Path | None
    require_proof: bool
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify-receipt",
        help="check a receipt",
        description=(
            "Check a receipt: that record and salt make its commitment, that its issuer signed it, "
            "and that the log has its entry. Each check is told with how it went."
        ),
        epilog="Exit codes: 0 it holds, 1 it does not, 2 wrong usage, 3 cannot tell.",
    )
    parser.add_argument("receipt", metavar="FILE", help="the receipt, or - to read it from input")
    parser.add_argument(
        "--issuer",
        metavar="URL",
        help=(
            "fetch keys, and the proof where the receipt has none, from this issuer; "
            "with --jwks or --log-key nothing is fetched, and it is whom the receipt must name"
        ),
    )
    parser.add_argument(
        "--jwks", type=Path, metavar="FILE", help="offline: the issuer's keys (/jwks.json)"
    )
    parser.add_argument(
        "--log-key",
        action="append",
        default=[],
        metavar="KEY",
        help=(
            "offline: the log's public key as C2SP writes it, or a file of such keys "
            "(/v1/ledger/keys); may be given again"
        ),
    )
    parser.add_argument(
        "--proof", type=Path, metavar="FILE", help="a proof that was had apart (C2SP tlog-proof)"
    )
    parser.add_argument(
        "--require-proof", action="store_true", help="do without a proof of inclusion: cannot tell"
    )
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check the receipt and print what was found.  Answers the exit code."""
    given = cast("_Arguments", cast("object", args))
    unverified = _read_receipt(given.receipt)
    proof = None if given.proof is None else _read(given.proof).decode(errors="replace")
    if given.jwks is not None or given.log_key:
        found = check_receipt(unverified, _from_files(given), proof=proof)
    elif given.issuer:
        found = asyncio.run(_check_online(unverified, given.issuer, proof))
    else:
        raise MalformedError(
            "usage", "give --issuer URL, or --jwks FILE and --log-key KEY to stay offline"
        )
    verdict = found.verdict
    if verdict is Outcome.HOLDS and given.require_proof and found.proven is None:
        verdict = Outcome.UNTOLD
    if given.json:
        terminal.say_json(_as_json(found, verdict))
    else:
        _say(found, verdict)
    return _VERDICTS[verdict][2]


async def _check_online(unverified: bytes, issuer: str, proof: str | None) -> Findings:
    transport = LocalhostTransport() if is_loopback(urlsplit(issuer).hostname or "") else None
    try:
        trusted = await fetch_trusted(issuer, transport=transport)
        found = check_receipt(unverified, trusted, proof=proof)
        if found.receipt is None or found.receipt.proof or proof or found.verdict is Outcome.FAILS:
            return found
        fetched = await fetch_proof(issuer, found.receipt.record.get("id"), transport=transport)
        return found if fetched is None else check_receipt(unverified, trusted, proof=fetched)
    finally:
        if transport is not None:
            await transport.aclose()


def _from_files(given: _Arguments) -> Trusted:
    trusted = Trusted(issuer=given.issuer)
    if given.jwks is not None:
        trusted = replace(trusted, keys=jwks.read_keys(_read(given.jwks)))
    keys = [
        parse_key(line, where="--log-key")
        for text in given.log_key
        for line in _lines(text)
        if line.strip()
    ]
    return replace(trusted, logs=tuple(keys))


def _lines(key_or_file: str) -> list[str]:
    path = Path(key_or_file)
    if not path.exists():
        return [key_or_file]
    return _read(path).decode(errors="replace").splitlines()


def _read_receipt(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    return _read(Path(name))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * MAX_BYTES + 1)
    except OSError as error:
        raise MalformedError(
            "file_unreadable", f"cannot be read: {error.strerror}", where=str(path)
        ) from error


def _as_json(found: Findings, verdict: Outcome) -> dict[str, object]:
    return {
        "verdict": verdict,
        "checks": [
            {"check": each.subject, "outcome": each.outcome, "detail": each.detail}
            for each in found.checks
        ],
        "index": None if found.proven is None else found.proven.index,
        "size": found.size,
    }


def _say(found: Findings, verdict: Outcome) -> None:
    text, style, _ = _VERDICTS[verdict]
    terminal.say(terminal.paint(text, Style.BOLD, style, on=sys.stdout))
    for check in found.checks:
        terminal.say(f"  {check.outcome:<7} {check.subject:<11} {check.detail}")
    if verdict is Outcome.HOLDS and found.receipt is not None:
        _say_receipt(found.receipt)


def _say_receipt(receipt: Receipt) -> None:
    try:
        record = msgspec.convert(receipt.record, _Record)
    except msgspec.ValidationError:
        return  # a later release's: what it says is for that to tell
    terminal.say(f"  recorded at {to_rfc3339(Instant(record.recorded_at))}, for {record.reach}")
    for choice in record.choices:
        terminal.say(f"  {choice.outcome:<7} {choice.purpose}")
