"""``consentid brands check | apply | show``: the group's configuration, in files and in force."""

import argparse
import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.brandbook.book import Book, Profile
from consentid.brandbook.difference import difference
from consentid.brandbook.folder import Draft, load
from consentid.brandbook.problem import BrandbookError, report
from consentid.cli import terminal
from consentid.cli.opening import owned
from consentid.cli.terminal import Exit
from consentid.core.catalogue import Terms, find_terms, offered
from consentid.core.purpose import PurposeId
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.publish_catalogue import Published

_DAY_S: Final = 86_400


class _Arguments(Protocol):
    action: str
    brands: Path | None
    json: bool
    party: str | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "brands",
        help="check, apply and show the group's configuration",
        description="The group's configuration: purposes, brands, partners and their clients.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    checking = actions.add_parser(
        "check",
        help="tell every mistake in the files",
        description="Read the files and tell every mistake: file, line, key and remedy.",
        epilog="Exit codes: 0 sound, 1 mistakes were found.",
    )
    applying = actions.add_parser(
        "apply",
        help="put the files in force as a new version",
        description=(
            "Put the files in force as an immutable version. The same files again change nothing; "
            "a purpose or brand that is gone or means something else is refused."
        ),
        epilog="Exit codes: 0 in force, 1 refused, 3 no database.",
    )
    showing = actions.add_parser(
        "show",
        help="show what the files offer, brand by brand",
        description="Show what each brand and partner offers, with every override applied.",
    )
    showing.add_argument("party", nargs="?", help="one brand or partner only")
    for action in (checking, applying, showing):
        action.add_argument(
            "--brands",
            type=Path,
            metavar="DIR",
            help="the folder (default: $CONSENTID_BRANDS_DIR, or ./brands)",
        )
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run, party=None)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; mistakes in the files are told and answered with 1."""
    given = cast("_Arguments", cast("object", args))
    folder = given.brands or settings.from_environment(os.environ).brands_dir
    try:
        draft = load(folder)
        match given.action:
            case "check":
                return _check(folder, draft, as_json=given.json)
            case "apply":
                return _apply(draft, as_json=given.json)
            case _:
                return _show(draft.book, given.party, as_json=given.json)
    except BrandbookError as error:
        return _tell_problems(folder, error, as_json=given.json)


def _check(folder: Path, draft: Draft, *, as_json: bool) -> Exit:
    book = draft.book
    counts = {
        "purposes": len(book.purposes),
        "brands": len(book.brands),
        "partners": len(book.partners),
        "clients": len(book.clients),
    }
    if as_json:
        terminal.say_json({"folder": str(folder), "sound": True, **counts, "problems": []})
    else:
        listed = ", ".join(
            f"{count} {name[:-1] if count == 1 else name}" for name, count in counts.items()
        )
        terminal.say(f"{folder} is sound: {listed}")
    return Exit.OK


def _tell_problems(folder: Path, error: BrandbookError, *, as_json: bool) -> Exit:
    if as_json:
        problems = [
            {
                "rule": problem.rule,
                "file": problem.file,
                "line": problem.line,
                "key": problem.key,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in error.problems
        ]
        terminal.say_json({"folder": str(folder), "sound": False, "problems": problems})
    else:
        terminal.say(report(error.problems))
        count = len(error.problems)
        terminal.note(f"{count} mistake{'' if count == 1 else 's'} in {folder}")
    return Exit.NO


def _show(book: Book, slug: str | None, *, as_json: bool) -> Exit:
    profiles = [*book.brands.values(), *book.partners.values()]
    chosen = [profile for profile in profiles if slug in (None, profile.party.slug)]
    if not chosen:
        known = ", ".join(profile.party.slug for profile in profiles)
        terminal.note(f"consentid brands: there is no {slug!r}, only {known}")
        return Exit.USAGE
    if as_json:
        terminal.say_json({str(profile.party): _as_json(book, profile) for profile in chosen})
        return Exit.OK
    for profile in chosen:
        terminal.say(f"{profile.name} ({profile.party}), {profile.entity.name}")
        rows = [(id_, *_describe(terms)) for id_, terms in _offers(book, profile)]
        terminal.say_table(("PURPOSE", "BASIS", "VALID", "RULES"), rows)
        terminal.say()
    return Exit.OK


def _offers(book: Book, profile: Profile) -> Sequence[tuple[PurposeId, Terms]]:
    return [
        (id_, terms)
        for id_ in offered(book.catalogue, profile.party)
        if (terms := find_terms(book.catalogue, profile.party, id_)) is not None
    ]


def _describe(terms: Terms) -> tuple[str, str, str]:
    rules = {
        "must be answered": terms.ask,
        "own consent": terms.own,
        "adults only": terms.adults_only,
    }
    held = ", ".join(rule for rule, holds in rules.items() if holds)
    return terms.basis, f"{terms.validity_s // _DAY_S} d", held


def _as_json(book: Book, profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "legal_entity": profile.entity.id,
        "audience": profile.audience,
        "other_audiences": book.catalogue.parties[profile.party].other_audiences,
        "domains": profile.domains,
        "clients": sorted(profile.clients),
        "purposes": {
            id_: {
                "basis": terms.basis,
                "ask": terms.ask,
                "own": terms.own,
                "adults_only": terms.adults_only,
                "validity_s": terms.validity_s,
            }
            for id_, terms in _offers(book, profile)
        },
    }


def _apply(draft: Draft, *, as_json: bool) -> Exit:
    chosen = settings.from_environment(os.environ)
    with terminal.step("files compared with what is in force"):
        done = asyncio.run(publish(chosen, draft))
    number = done.book.catalogue.version
    changes = difference(done.previous, done.book) if done.is_new else ()
    if as_json:
        terminal.say_json({"version": number, "new": done.is_new, "changes": [*map(str, changes)]})
    elif done.is_new:
        for change in changes:
            terminal.say(f"  {change}")
        terminal.say(f"version {number} is in force")
    else:
        terminal.say(f"version {number} is in force already, nothing was changed")
    return Exit.OK


async def publish(chosen: Settings, draft: Draft) -> "Published":
    """Put a draft in force.

    Raises:
        BrandbookError: it contradicts what is in force.
        UnavailableError: the database cannot be reached.
    """
    async with owned(chosen) as database:
        from consentid.flows.publish_catalogue import (  # noqa: PLC0415  the server extra
            publish_catalogue,
        )

        return await publish_catalogue(
            database,
            draft,
            randomness=secrets.token_bytes,
            ledger_origin=chosen.ledger_origin,
            by=chosen.command_line,
        )
