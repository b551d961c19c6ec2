"""Keep a picture of a notice as it was shown, and have the log commit to it.

Whoever takes it, and with what, is the operator's: a screenshot of the page in a browser, of an app
or a television.  The entry names the text by its digest, the layout where it is known, and the
picture; so it cannot be exchanged afterwards, and it is shown when it was put there.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.notice import Notice
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.stage_act import noting_of
from consentid.flows.stage_entry import stage_body
from consentid.kit.canonical import Json
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.ledger.leaf import Kind
from consentid.store import clock, pictures
from consentid.store.pictures import PictureRow

MOST_BYTES: Final = 4 * 2**20
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_HEAD: Final = b"\0\0\0\x0dIHDR"
_SIZES: Final = slice(len(_PNG) + len(_HEAD), len(_PNG) + len(_HEAD) + 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A picture that is kept."""

    event_id: UUID
    notice: Notice
    digest: bytes
    is_new: bool
    """Whether it was not there before."""


async def attach_picture(
    context: Context,
    unverified_image: bytes,
    *,
    notice_id: str,
    language: str,
    layout: bytes | None = None,
) -> Attached:
    """Keep a picture of a notice in force; ``layout`` is the SHA-256 of how it was laid out.

    Raises:
        NotFoundError: there is no such notice in that language.
        MalformedError: the image is no PNG, or too large.
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    width, height = _size(unverified_image)
    digest = hashlib.sha256(unverified_image).digest()
    async with context.database.writing() as connection:
        book = await context.book(connection)
        notice = book.notices.get((notice_id, language))
        if notice is None:
            raise NotFoundError(
                "notice_unknown", f"no notice {notice_id!r} in {language!r} is in force"
            )
        before = await pictures.find_same(
            connection, notice=notice.digest, layout=layout, digest=digest
        )
        if before is not None:
            return Attached(event_id=before, notice=notice, digest=digest, is_new=False)
        now = await clock.now(connection)
        row = PictureRow(
            event_id=await stage_body(
                connection,
                Kind.NOTICE,
                {
                    **picture_body(notice.digest, layout, digest),
                    "id": notice.id,
                    "language": notice.language,
                    "version": notice.version,
                    "size": [width, height],
                },
                origin=log_origin(context, book),
                at=now,
                randomness=context.randomness,
            ),
            notice=notice.digest,
            layout=layout,
            digest=digest,
            image=unverified_image,
        )
        await pictures.add(connection, row)
        noted = noting_of(context, context.settings.command_line)
        await noted.note(
            connection, "notice/picture", at=now, notice=notice.id, picture=digest.hex()
        )
    return Attached(event_id=row.event_id, notice=notice, digest=digest, is_new=True)


def picture_body(notice: bytes, layout: bytes | None, digest: bytes) -> dict[str, Json]:
    """What the log's entry says that can be held against the picture."""
    return {
        "v": 1,
        "notice": notice.hex(),
        "layout": None if layout is None else layout.hex(),
        "picture": digest.hex(),
    }


async def notices_in_force(
    context: Context, connection: AsyncConnection
) -> list[tuple[Notice, int]]:
    """Every notice in force, language by language, and how many pictures there are of it."""
    book = await context.book(connection)
    return [
        (notice, len(await pictures.of_notice(connection, notice.digest)))
        for _, notice in sorted(book.notices.items())
    ]


def _size(unverified_image: bytes) -> tuple[int, int]:
    """Width and height of a PNG, in pixels.  Spec: PNG, sections 5.2 and 11.2.1."""
    if len(unverified_image) > MOST_BYTES:
        raise MalformedError(
            "picture_too_large", f"it has more than {MOST_BYTES // 2**20} MiB", where="FILE"
        )
    sizes = unverified_image[_SIZES]
    if not unverified_image.startswith(_PNG + _HEAD) or len(sizes) < 8:  # noqa: PLR2004 two numbers
        raise MalformedError("picture_malformed", "it is no PNG", where="FILE")
    return int.from_bytes(sizes[:4]), int.from_bytes(sizes[4:])
