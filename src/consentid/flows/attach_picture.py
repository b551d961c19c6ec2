"""Keep a picture of a notice as it was shown, and have the log commit to it.

Whoever takes it, and with what, is the operator's: a screenshot of the page in a browser, of an app
or a television.  The entry names the text by its digest, the layout where it is known, and the
picture; so it cannot be exchanged afterwards, and it is shown when it was put there.
"""

import hashlib
from collections.abc import Sequence
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
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.png import png_size
from consentid.ledger.leaf import Kind
from consentid.store import clock, pictures
from consentid.store.pictures import KeptPicture, PictureRow

MOST_BYTES: Final = 4 * 2**20
MOST_OF_ONE: Final = 50
"""Pictures of one text in one language: each is kept for ever."""


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
    by: str,
    where: str,
) -> Attached:
    """Keep a picture of a notice in force; ``layout`` is the SHA-256 of how it was laid out.

    ``by`` is who brings it, as the log knows them, and ``where`` the place that it came in at.

    Raises:
        NotFoundError: there is no such notice in that language.
        MalformedError: the image is no PNG, or too large.
        ConflictError: there are as many of that text as are kept.
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    width, height = _size(unverified_image, where)
    digest = hashlib.sha256(unverified_image).digest()
    async with context.database.writing() as connection:
        book = await context.book(connection)
        notice = book.notices.get((notice_id, language))
        if notice is None:
            raise NotFoundError(
                "notice_unknown",
                f"no notice {notice_id!r} in {language!r} is in force",
                where="language" if any(id_ == notice_id for id_, _ in book.notices) else "notice",
            )
        before = await pictures.find_same(
            connection, notice=notice.digest, layout=layout, digest=digest
        )
        if before is not None:
            return Attached(event_id=before, notice=notice, digest=digest, is_new=False)
        kept = await pictures.kept_of(connection, [notice.digest])
        if len(kept) >= MOST_OF_ONE:
            raise ConflictError(
                "pictures_full",
                f"there are {MOST_OF_ONE} pictures of this text already, and each is kept for ever",
                where=where,
            )
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
        noted = noting_of(context, by)
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
) -> Sequence[tuple[Notice, Sequence[KeptPicture]]]:
    """Every notice in force, language by language, and which pictures there are of it."""
    book = await context.book(connection)
    notices = [notice for _, notice in sorted(book.notices.items())]
    kept = await pictures.kept_of(connection, [each.digest for each in notices])
    return [(notice, [each for each in kept if each.notice == notice.digest]) for notice in notices]


def _size(unverified_image: bytes, where: str) -> tuple[int, int]:
    """Width and height of a PNG, in pixels."""
    if len(unverified_image) > MOST_BYTES:
        raise MalformedError(
            "picture_too_large", f"it has more than {MOST_BYTES // 2**20} MiB", where=where
        )
    try:
        return png_size(unverified_image)
    except ValueError as error:
        raise MalformedError("picture_malformed", f"it is no PNG: {error}", where=where) from error
