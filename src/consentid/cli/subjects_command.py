"""``consentid subjects erase | pending | shred``: people who are to be forgotten."""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Protocol, cast
from uuid import UUID

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.opening import noting_of
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.kit.instants import to_rfc3339
from consentid.settings import Settings, SettingsError

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from consentid.core.decision import SubjectId
    from consentid.flows.context import Context
    from consentid.store.engine import Database
    from consentid.store.erasures import ErasureRow

_REASONS: Final = (
    *("no_longer_necessary", "consent_withdrawn", "objection"),
    *("unlawful", "legal_obligation", "child"),
)


class _Arguments(Protocol):
    action: str
    portal_sub: str | None
    subject: str | None
    reason: str
    at_once: bool
    erasure: str | None
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser("subjects", help="forget people who are to be forgotten")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    erasing = actions.add_parser(
        "erase",
        help="forget one person or device",
        description=(
            "Nothing of them is served from now on, and no token, session or device of theirs "
            "holds. What they decided stays sealed until proof of it is needed no more "
            "(CONSENTID_ERASURE_PROOF_D), then its key is destroyed; the log keeps what it says, "
            "which names nobody. Doing it again changes nothing: see `subjects shred --erasure`."
        ),
        epilog=(
            "Uses CONSENTID_DATABASE_URL to set them aside, and CONSENTID_ERASURE_DATABASE_URL (or "
            "CONSENTID_MIGRATION_DATABASE_URL) to destroy."
        ),
    )
    whom = erasing.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "--portal-sub",
        metavar="SUB",
        help="whom the portal calls by this `sub`; -: read it from standard input",
    )
    whom.add_argument("--subject", metavar="ID", help="the subject of this id")
    erasing.add_argument(
        "--reason", required=True, choices=_REASONS, help="GDPR article 17(1) (a) to (f)"
    )
    erasing.add_argument(
        "--at-once", action="store_true", help="keep no proof: destroy the key now, for good"
    )
    pending = actions.add_parser("pending", help="show whom is set aside and not destroyed yet")
    shredding = actions.add_parser("shred", help="destroy what is due, as the worker does")
    shredding.add_argument(
        "--erasure",
        metavar="ID",
        help="and this one of those that are pending, before its time: no proof is kept",
    )
    for action in (erasing, pending, shredding):
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked and print what was done."""
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    match given.action:
        case "erase":
            return asyncio.run(_erase(chosen, given))
        case "pending":
            return _say_pending(asyncio.run(_pending(chosen)), as_json=given.json)
        case _:
            return asyncio.run(_shred(chosen, given))


async def _erase(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.drain_outbox import drain_outbox  # noqa: PLC0415  the server extra
    from consentid.flows.restrict_subject import (  # noqa: PLC0415  the server extra
        OPERATOR,
        Asked,
        Reason,
        restrict_subject,
    )
    from consentid.flows.shred_subjects import shred_subjects  # noqa: PLC0415  the server extra
    from consentid.store import erasures  # noqa: PLC0415  the server extra

    sub = sys.stdin.readline().rstrip("\n") if given.portal_sub == "-" else given.portal_sub
    asked = Asked(reason=Reason(given.reason), asked_by=OPERATOR, at_once=given.at_once)
    async with AsyncExitStack() as stack:
        context, erasing = await _opened(stack, chosen)
        async with context.database.writing() as connection:
            subject = await _find(context, connection, sub=sub, id_=given.subject)
            is_new = await erasures.find_of(connection, subject) is None
            erasure = await restrict_subject(context, connection, subject, asked)
            if is_new and erasure is not None:
                await noting_of(chosen).note(
                    connection,
                    "subjects/erase",
                    at=erasure.restricted_at,
                    erasure=str(erasure.id),
                    at_once=given.at_once,
                )
        if erasure is None:
            raise _unknown()
        if given.at_once:
            while await drain_outbox(context):  # who is to be told is told first
                pass
            await shred_subjects(context, erasing)
        waits = any(each.id == erasure.id for each in await _waiting(context))
    if given.json:
        terminal.say_json({**_as_json(erasure), "shredded": not waits})
    elif not waits:
        terminal.say(f"{erasure.id}: destroyed, for good")
    else:
        terminal.say(f"{erasure.id}: set aside, to be destroyed at {to_rfc3339(erasure.shred_at)}")
    if given.at_once and waits:
        terminal.note(f"  not destroyed yet: consentid subjects shred --erasure {erasure.id}")
        return Exit.NO
    return Exit.OK


async def _pending(chosen: Settings) -> "Sequence[ErasureRow]":
    async with AsyncExitStack() as stack:
        context, _ = await _opened(stack, chosen)
        return await _waiting(context)


async def _shred(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.shred_subjects import (  # noqa: PLC0415  the server extra
        erasure_unknown,
        shred_as_asked,
    )

    try:
        before_time = None if given.erasure is None else UUID(given.erasure)
    except ValueError as error:
        raise erasure_unknown() from error
    async with AsyncExitStack() as stack:
        context, erasing = await _opened(stack, chosen)
        done = await shred_as_asked(context, erasing, noting_of(chosen), before_time=before_time)
    if given.json:
        terminal.say_json({"shredded": done})
    else:
        terminal.say(f"{done} destroyed")
    return Exit.OK


async def _opened(stack: AsyncExitStack, chosen: Settings) -> "tuple[Context, Database]":
    url = chosen.erasure_database()
    if url is None:
        raise SettingsError(
            "settings.missing",
            "set CONSENTID_ERASURE_DATABASE_URL: the serving role cannot destroy a key",
            where="CONSENTID_ERASURE_DATABASE_URL",
        )
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra
    from consentid.store.engine import Database  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    stack.push_async_callback(opened.close)
    erasing = Database(url, connections=1)
    stack.push_async_callback(erasing.close)
    return opened.context, erasing


async def _waiting(context: "Context") -> "Sequence[ErasureRow]":
    from consentid.store import erasures  # noqa: PLC0415  the server extra

    async with context.database.reading() as connection:
        return await erasures.pending(connection)


async def _find(
    context: "Context", connection: "AsyncConnection", *, sub: str | None, id_: str | None
) -> "SubjectId":
    from consentid.flows.portal_identity import identity_hash  # noqa: PLC0415  the server extra
    from consentid.store import subjects  # noqa: PLC0415  the server extra

    if sub is None:
        try:
            return cast("SubjectId", UUID(id_))
        except ValueError as error:
            raise MalformedError("subject_malformed", "write a UUID", where="--subject") from error
    issuer = (await context.book(connection)).group.portal.issuer
    found = await subjects.find_known(connection, identity_hash(context, issuer=issuer, sub=sub))
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFoundError:
    return NotFoundError(
        "subject_unknown", "nobody is known by that: perhaps they are erased already"
    )


def _as_json(erasure: "ErasureRow") -> dict[str, object]:
    from consentid.flows.show_erasures import pending_out  # noqa: PLC0415  the server extra

    return msgspec.structs.asdict(pending_out(erasure))


def _say_pending(waiting: "Sequence[ErasureRow]", *, as_json: bool) -> int:
    if as_json:
        terminal.say_json({"pending": [_as_json(each) for each in waiting]})
    elif not waiting:
        terminal.say("nobody waits")
    else:
        terminal.say_table(
            ("ERASURE", "REASON", "ASKED BY", "SET ASIDE", "DESTROYED AT"),
            [tuple(map(str, _as_json(each).values())) for each in waiting],
        )
    return Exit.OK
