"""``consentid notices list | picture``: the texts in force, and pictures of them as shown."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.context import Context

_PICTURE: Final = "picture"
_PAGES: Final = ("consent", "link", "preferences")


class _Arguments(Protocol):
    action: str
    file: Path
    notice: str
    language: str
    layout: str | None
    json: bool


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "notices",
        help="keep pictures of notices as they are shown",
        description=(
            "A picture is kept for ever, the log commits to it, and `consentid ledger prove` adds "
            "it to the evidence of whoever answered that very text. Take one of each language "
            "once a version is applied."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the notices in force, and how many pictures of each")
    adding = actions.add_parser(_PICTURE, help="keep a picture of a notice in force")
    adding.add_argument("file", type=Path, metavar="FILE", help="a PNG, such as a screenshot")
    adding.add_argument("--notice", required=True, metavar="ID", help="whose notice it shows")
    adding.add_argument("--language", required=True, metavar="TAG", help="in which language")
    adding.add_argument(
        "--layout",
        metavar="PAGE|SHA256",
        help=(
            "how it is laid out: the hub's own page as of this release ("
            f"{', '.join(_PAGES)}), or what your client told as `layout`"
        ),
    )
    for action in (listing, adding):
        action.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked and print what was done."""
    given = cast("_Arguments", cast("object", args))
    return asyncio.run(_run(settings.from_environment(os.environ), given))


async def _run(chosen: Settings, given: _Arguments) -> int:
    from consentid.flows.opening import open_context  # noqa: PLC0415  the server extra

    opened = open_context(chosen)
    try:
        if given.action == _PICTURE:
            await _attach(opened.context, given)
        else:
            await _list(opened.context, as_json=given.json)
    finally:
        await opened.close()
    return Exit.OK


async def _list(context: "Context", *, as_json: bool) -> None:
    from consentid.flows.attach_picture import notices_in_force  # noqa: PLC0415  the server extra

    async with context.database.reading() as connection:
        found = await notices_in_force(context, connection)
    rows = [
        {
            "notice": notice.id,
            "language": notice.language,
            "version": notice.version,
            "digest": notice.digest.hex(),
            "pictures": len(kept),
        }
        for notice, kept in found
    ]
    if as_json:
        terminal.say_json({"notices": rows})
    else:
        terminal.say_table(
            ("NOTICE", "LANGUAGE", "VERSION", "DIGEST", "PICTURES"),
            [tuple(map(str, row.values())) for row in rows],
        )


async def _attach(context: "Context", given: _Arguments) -> None:
    from consentid.flows.attach_picture import attach_picture  # noqa: PLC0415  the server extra
    from consentid.web.pages.layouts import read_layout  # noqa: PLC0415  the server extra

    try:
        image = given.file.read_bytes()
    except OSError as error:
        raise MalformedError(
            "picture_unreadable", f"cannot be read: {error.strerror}", where=str(given.file)
        ) from error
    attached = await attach_picture(
        context,
        image,
        notice_id=given.notice,
        language=given.language,
        layout=None if given.layout is None else read_layout(given.layout, where="--layout"),
        by=context.settings.command_line,
        where="FILE",
    )
    if given.json:
        terminal.say_json(
            {
                "entry": str(attached.event_id),
                "notice": attached.notice.digest.hex(),
                "picture": attached.digest.hex(),
                "new": attached.is_new,
            }
        )
    else:
        of = f"notice {given.notice} in {given.language}, version {attached.notice.version}"
        was = "kept" if attached.is_new else "was there already"
        terminal.say(f"{of}: picture {attached.digest.hex()} {was}")
