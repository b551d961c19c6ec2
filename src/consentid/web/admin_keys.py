"""``/v1/admin/keys``: signing keys are shown, rotated and revoked.

Seeing them takes any process; the rest one that was given the owner's database.  No private half
leaves the folder, and none comes in.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.change_keys import is_writable, revoke_everywhere, rotate_keys
from consentid.flows.context import Context
from consentid.flows.own_database import owned
from consentid.flows.revoke_keys import list_revoked
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client, noting_of
from consentid.keyring.manifest import Algorithm, State, Use
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant, from_datetime, from_seconds, to_rfc3339
from consentid.store.revoked_keys import RevokedKey
from consentid.web.admin_clients import WHERE
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS

_PATH: Final = "/v1/admin/keys"
_TAGS: Final = ("Administration",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_ACTS: Final = Limit(name="key_acts", most=20, window_s=3_600)
_MOST_KEYS: Final = 100
_FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_REMEDY: Final = (
    "This process cannot change its folder of keys. No process uses the keys any more; where the "
    "secret is kept, run `consentid keys revoke --folder-only` for the same keys, and mount that."
)

Kid: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,12}\Z")]
Time: TypeAlias = Annotated[datetime, Meta(tz=True)]


class KeyOut(msgspec.Struct, frozen=True, kw_only=True):
    """A key of this process's folder; its public half is at `/jwks.json`."""

    kid: str
    use: Use
    alg: Algorithm
    state: State
    signs: bool
    """Whether this process signs with it now."""
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


class RevokedKeyOut(msgspec.Struct, frozen=True, kw_only=True):
    """A key that no process believes any more."""

    kid: str
    stolen_at: str
    """From then on somebody else may have signed with it."""
    revoked_at: str


class KeysOut(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    keys: list[KeyOut]
    revoked: list[RevokedKeyOut]
    """The first first, whatever a folder holds yet."""
    folder_is_writable: bool
    """Whether this process could change its folder: then it can rotate."""


class RotationIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How keys are rotated."""

    active: Annotated[list[Kid], Meta(max_length=8)] | None = None
    """Those that sign, as the caller saw them: where others do, nothing is done."""
    force: bool = False
    """Do not wait for verifiers to know the next key.  Takes `active`."""


class RotatedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the rotation did, by names."""

    active: list[str]
    retired: list[str]
    next: list[str]
    removed: list[str]
    """No longer published."""


class RevocationIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys are in wrong hands."""

    kids: Annotated[list[Kid], Meta(min_length=1, max_length=_MOST_KEYS)]
    """By name; of who copied a folder, all that it holds."""
    stolen_at: Time | None = None
    """Since when others may have signed with them; null: since they exist."""


class FolderOut(msgspec.Struct, frozen=True, kw_only=True):
    """What became of this process's folder, by names."""

    is_changed: bool
    active: list[str]
    """That sign from now on, where others did."""
    created: list[str]
    removed: list[str]
    remedy: str | None
    """What is left to do; null: nothing."""


class RevocationOut(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now."""

    revoked: list[RevokedKeyOut]
    """Those that were named, as they were revoked first."""
    folder: FolderOut


def _for(verb: Verb) -> dict[str, Any]:
    return {SCOPE: SCOPE_OF[verb], QUERY: frozenset[str]()}


@get(
    _PATH,
    guards=[bearer_guard],
    opt=_for(Verb.SEE_KEYS),
    tags=_TAGS,
    summary="Signing keys, and those that were revoked",
    responses=READ_PROBLEMS,
)
async def get_admin_keys(context: NamedDependency[Context]) -> Response[KeysOut]:
    """As this process has them."""
    revoked = await list_revoked(context.database)
    context.heed({each.kid for each in revoked})
    keyring = context.keyring
    signing = {each.kid for each in keyring.signing_keys.values()}
    keys = [
        KeyOut(
            kid=each.kid,
            use=each.use,
            alg=each.alg,
            state=each.state,
            signs=each.kid in signing,
            created_at=each.created_at,
            activated_at=each.activated_at,
            retired_at=each.retired_at,
        )
        for each in keyring.entries
    ]
    out = KeysOut(keys=keys, revoked=_out(revoked), folder_is_writable=is_writable(keyring.folder))
    return Response(out, headers=_NO_STORE)


@post(
    f"{_PATH}/rotate",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.ROTATE_KEYS),
    tags=_TAGS,
    summary="Sign with the next keys from now on",
    description=(
        f"{WHERE}429 while a next key is younger than an hour, so that a request sent twice "
        "rotates once; with `force`, 409 `keys_changed` does that. 409 `keys_read_only` where the "
        f"folder of keys cannot be changed from here. At most {_ACTS.most} acts on keys an hour."
    ),
    responses=BODY_PROBLEMS,
)
async def post_admin_key_rotation(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[RotationIn]
) -> Response[RotatedOut]:
    """As ``keys rotate`` does."""
    if data.force and data.active is None:
        raise MalformedError(
            "active_missing",
            "Name the keys that sign, as `GET /v1/admin/keys` shows them: sent twice, `force` "
            "would rotate twice.",
            where="active",
        )
    async with owned(context) as database:
        noted = noting_of(context, await counted(context, caller, _ACTS))
        done = await rotate_keys(
            context, database, noted, active=data.active, force=data.force, now=_now()
        )
    out = RotatedOut(
        active=[*done.activated],
        retired=[*done.retired],
        next=[*done.created],
        removed=[*done.removed],
    )
    return Response(out, headers=_NO_STORE)


@post(
    f"{_PATH}/revoke",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.REVOKE_KEYS),
    tags=_TAGS,
    summary="Refuse what keys in wrong hands signed, at once",
    description=(
        f"{WHERE}For good: every process hears of it within a second, whatever its folder holds. "
        "Again it changes nothing, nor when it was stolen: `keys/affected` takes an earlier "
        "`since`. 422 `stolen_later` for a time to come. Where this process can change its "
        "folder, other keys take their places there; `folder` says so, or what is left to do. 404 "
        "`key_unknown` for a name that neither this folder nor the log has, and for one that left "
        f"the folder where `stolen_at` is not said. At most {_ACTS.most} acts on keys an hour."
    ),
    responses={**BODY_PROBLEMS, **FOUND_PROBLEMS},
)
async def post_admin_key_revocation(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[RevocationIn],
) -> Response[RevocationOut]:
    """As ``keys revoke`` does."""
    stolen_at = read_time(data.stolen_at, "stolen_at")
    async with owned(context) as database:
        noted = noting_of(context, await counted(context, caller, _ACTS))
        done = await revoke_everywhere(
            context, database, noted, data.kids, stolen_at=stolen_at, now=_now()
        )
    made = done.replaced
    folder = FolderOut(
        is_changed=made is not None and bool(made.removed),
        active=[] if made is None else [*made.activated],
        created=[] if made is None else [*made.created],
        removed=[] if made is None else [*made.removed],
        remedy=_REMEDY if made is None else None,
    )
    return Response(RevocationOut(revoked=_out(done.keys), folder=folder), headers=_NO_STORE)


async def counted(context: Context, caller: Caller, limit: Limit) -> str:
    """Who acts, as the log knows them.

    Raises:
        RateLimitedError: they acted too often.
    """
    client_id = caller.client.client_id
    await context.limiter.check(limit, client_id, now_s=wall_clock_s())
    return by_client(client_id)


def _now() -> Instant:
    return from_seconds(int(wall_clock_s()))


def read_time(given: datetime | None, where: str) -> Instant | None:
    """An instant of a body.

    Raises:
        MalformedError: nobody can mean it.
    """
    if given is None:
        return None
    if not _FIRST < given < _LAST:
        raise MalformedError(
            "bad_time", f"Write a time between {_FIRST.year} and {_LAST.year}.", where=where
        )
    return from_datetime(given)


def _out(revoked: Iterable[RevokedKey]) -> list[RevokedKeyOut]:
    return [
        RevokedKeyOut(
            kid=each.kid,
            stolen_at=to_rfc3339(each.stolen_at),
            revoked_at=to_rfc3339(each.revoked_at),
        )
        for each in revoked
    ]


KEY_HANDLERS: Final = (
    get_admin_keys,
    post_admin_key_revocation,
    post_admin_key_rotation,
)
