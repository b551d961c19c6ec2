"""What a token request is judged by: one statement, whatever is asked for.

The instant is that of the statement's begin, so that waiting for a lock makes nobody come later.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.core.party import Slug
from consentid.kit.instants import Instant, from_datetime
from consentid.store.arrays import fetch
from consentid.store.clients import Client, client_of
from consentid.store.hand_offs import HandOff
from consentid.store.subjects import SubjectRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link's code, used and expired ones too, and whom it takes along."""

    code: HandOff
    subject: SubjectRow
    ends_at: Instant | None
    """When the device ends; None for an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrounds:
    """What is known of a request before it is judged."""

    now: Instant
    catalogue: CatalogueVersion | None
    """The version in force."""
    client: Client | None
    """The one that the request names; it has proven nothing yet."""
    link: Link | None


_LOOK: Final = """
SELECT asked.*, clients.*, link.*
FROM (
  SELECT clock_timestamp() AS now, (SELECT max(version) FROM catalogues) AS in_force
) AS asked
LEFT JOIN clients ON clients.client_id = $1 AND clients.disabled_at IS NULL
LEFT JOIN LATERAL (
  SELECT code_hash, hand_offs.client_id AS made_by, hand_offs.subject_id, hand_offs.origin, target,
    target_brand, family, hand_offs.session_id, issued_at, hand_offs.expires_at, used_at,
    devices.expires_at AS device_ends_at, projections.version, projections.sealed, wrapped,
    (
      SELECT adult FROM known_subjects
      WHERE hand_offs.session_id IS NOT NULL AND known_subjects.subject_id = hand_offs.subject_id
    ) AS adult
  FROM hand_offs
  JOIN projections USING (subject_id)
  JOIN subject_keys USING (subject_id)
  JOIN subjects ON subjects.id = hand_offs.subject_id AND erased_at IS NULL
  LEFT JOIN devices ON devices.subject_id = hand_offs.subject_id
  WHERE code_hash = $2
  FOR UPDATE OF projections
) AS link ON true
"""


async def look(
    connection: AsyncConnection, *, client_id: str | None, link_hash: bytes | None
) -> TokenGrounds:
    """Read what a request is judged by; whom a link's code stands for is locked from now on.

    The lock is the one of ``subjects.find``.  A code of somebody erased is found no longer.
    """
    (row,) = await fetch(connection, _LOOK, client_id, link_hash)
    return TokenGrounds(
        now=from_datetime(row["now"]),
        catalogue=None if row["in_force"] is None else CatalogueVersion(row["in_force"]),
        client=None if row["client_id"] is None else client_of(row),
        link=None if row["code_hash"] is None else _link(row),
    )


def _link(row: RowMapping) -> Link:
    subject = SubjectId(row["subject_id"])
    used_at, ends_at = row["used_at"], row["device_ends_at"]
    return Link(
        code=HandOff(
            code_hash=row["code_hash"],
            client_id=row["made_by"],
            subject=subject,
            origin=row["origin"],
            target=row["target"],
            target_brand=Slug(row["target_brand"]),
            family=row["family"],
            session_id=row["session_id"],
            issued_at=from_datetime(row["issued_at"]),
            expires_at=from_datetime(row["expires_at"]),
            used_at=None if used_at is None else from_datetime(used_at),
        ),
        subject=SubjectRow(
            id=subject,
            version=row["version"],
            wrapped_key=row["wrapped"],
            sealed_projection=row["sealed"],
            adult=bool(row["adult"]),
        ),
        ends_at=None if ends_at is None else from_datetime(ends_at),
    )
