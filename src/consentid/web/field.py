"""``/v1/field`` and ``/v1/captures/bundles``: capture devices enrol, take their kit, bring bundles.

A device proves itself by what it signs, so its calls carry no access token; limits count by the
network that they come from before a signature is looked at.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.enrol_field_device import enrol_field_device, invite_device
from consentid.flows.make_field_kit import KitOut, make_field_kit
from consentid.flows.manage_field_devices import FieldDeviceOut, list_devices, revoke_device
from consentid.flows.stage_act import by_client, noting_of
from consentid.flows.take_bundles import MAX_BUNDLES, BundlesOut, take_bundles
from consentid.kit.instants import to_rfc3339
from consentid.tokens import capture_bundle, device_proof
from consentid.tokens.device_proof import Coordinate
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS
from consentid.web.strict_bodies import BUNDLES_PATH, MAX_BATCH_BYTES

_DEVICES: Final = "/v1/field/devices"
_ENROLMENTS: Final = Limit(name="field_enrolments", most=30, window_s=60)
_KITS: Final = Limit(name="field_kits", most=600, window_s=60)
_BUNDLES: Final = Limit(name="field_bundles", most=3_000, window_s=60)
"""Of one network each: a fair's booths stand behind one address."""
_INVITATIONS: Final = Limit(name="field_invitations", most=60, window_s=60)
"""Of one client."""
_TAGS: Final = ("Field",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_MANAGES: Final[dict[str, Any]] = {SCOPE: Scope.CAPTURES_WRITE, QUERY: frozenset[str]()}
_PUBLIC: Final[dict[str, Any]] = {QUERY: frozenset[str]()}


class InvitationIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device to be."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """What you call the device; a piece of equipment, nobody's name."""


class InvitationOut(msgspec.Struct, frozen=True, kw_only=True):
    """The code to type on the device."""

    device: str
    code: str
    """Told this once."""
    expires_at: str


class FieldDevicesOut(msgspec.Struct, frozen=True, kw_only=True):
    """A client's devices, the latest first."""

    devices: list[FieldDeviceOut]


class DeviceKeyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key of P-256.  Spec: RFC 7517."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


class EnrolmentIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new device's key, and that it holds the other half."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    key: DeviceKeyIn
    proof: Annotated[str, Meta(min_length=1, max_length=device_proof.MAX_LENGTH)]
    """Compact JWS, type ``field-enrolment+jwt``, `kid` ``enrol``: ``aud`` and ``code``."""


class EnrolmentOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who the device is from now on."""

    device: str
    """The `kid` of all that it signs."""
    name: str
    issuer: str


class KitIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device asks."""

    proof: Annotated[str, Meta(min_length=1, max_length=device_proof.MAX_LENGTH)]
    """Compact JWS, type ``field-request+jwt``: ``aud`` and ``nonce``."""


class BundlesIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What devices captured."""

    bundles: Annotated[
        list[Annotated[str, Meta(max_length=capture_bundle.MAX_LENGTH)]],
        Meta(min_length=1, max_length=MAX_BUNDLES),
    ]
    """Compact JWS, type ``capture-bundle+jwt``, `kid` the device; in any order, again at any time.

    Each says ``aud``, ``seq`` (from 1), ``prev`` (base64url of the SHA-256 of what was signed of
    the one before it; of the device's id, in the first), ``sync`` (the proof that came with its
    kit) and ``entries``, 8 at most: ``id`` (16 random bytes in base64url), ``at_ms`` (its clock),
    ``operator``, ``channel`` (``shop``, ``paper``, ``phone``), ``notice`` (as the kit has it),
    ``granted`` and ``refused`` (purposes), ``evidence`` (``kind``, ``version``, ``reference``?,
    ``digest``?).
    """


@post(
    _DEVICES,
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Invite a capture device",
    description=(
        "Answers a code, good for one device and a quarter of an hour. Another call makes another "
        "code, so it takes no `Idempotency-Key`."
    ),
    responses=BODY_PROBLEMS,
)
async def post_field_device(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[InvitationIn]
) -> Response[InvitationOut]:
    """Make a code for the caller's own client."""
    client_id = caller.client.client_id
    await context.limiter.check(_INVITATIONS, client_id, now_s=wall_clock_s())
    async with context.database.writing() as connection:
        noted = noting_of(context, by_client(client_id))
        made = await invite_device(connection, noted, client_id=client_id, name=data.name)
    out = InvitationOut(device=made.device, code=made.code, expires_at=to_rfc3339(made.ends_at))
    return Response(out, headers=_NO_STORE)


@get(
    _DEVICES,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="List one's capture devices",
    responses=READ_PROBLEMS,
)
async def get_field_devices(
    context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[FieldDevicesOut]:
    """Those of the caller's own client."""
    async with context.database.reading() as connection:
        found = await list_devices(connection, caller.client.client_id)
    return Response(FieldDevicesOut(devices=list(found)), headers=_NO_STORE)


@delete(
    f"{_DEVICES}/{{device:str}}",
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Revoke a capture device",
    description=(
        "For one that is lost or done with. What it brings from now on is kept without effect; "
        "what it brought before stays, and is marked."
    ),
    responses=FOUND_PROBLEMS,
)
async def delete_field_device(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    device: Annotated[str, PathParameter(max_length=12)],
) -> None:
    """For good; the first time counts."""
    async with context.database.writing() as connection:
        client_id = caller.client.client_id
        noted = noting_of(context, by_client(client_id))
        await revoke_device(connection, noted, device, client_id=client_id)


@post(
    "/v1/field/enrolments",
    status_code=HTTPStatus.CREATED,
    opt=_PUBLIC,
    tags=_TAGS,
    summary="Enrol a device by its code",
    description="Again with the same key, while the code is good, it is answered the same.",
    security=[{}],
    responses=BODY_PROBLEMS,
)
async def post_field_enrolment(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    data: JSONBody[EnrolmentIn],
) -> Response[EnrolmentOut]:
    """Take a device's key."""
    await context.limiter.check(_ENROLMENTS, network_of(request), now_s=wall_clock_s())
    made = await enrol_field_device(
        context,
        unverified_code=data.code,
        unverified_x=data.key.x,
        unverified_y=data.key.y,
        unverified_proof=data.proof,
    )
    out = EnrolmentOut(device=made.device.id, name=made.device.name, issuer=made.issuer)
    return Response(out, headers=_NO_STORE)


@post(
    "/v1/field/kit",
    status_code=HTTPStatus.OK,
    opt=_PUBLIC,
    tags=_TAGS,
    summary="Fetch a device's kit",
    description="Its brand's notices in each language, under a signature that tells the time.",
    security=[{}],
    responses=BODY_PROBLEMS,
)
async def post_field_kit(
    request: Request[Any, Any, Any], context: NamedDependency[Context], data: JSONBody[KitIn]
) -> Response[KitOut]:
    """As of now."""
    await context.limiter.check(_KITS, network_of(request), now_s=wall_clock_s())
    return Response(await make_field_kit(context, data.proof), headers=_NO_STORE)


@post(
    BUNDLES_PATH,
    status_code=HTTPStatus.OK,
    request_max_body_size=MAX_BATCH_BYTES,
    opt=_PUBLIC,
    tags=["Captures"],
    summary="Bring what was captured offline",
    description=(
        "Each bundle counts once and whole, or not at all. One that comes before its turn is kept "
        "and waits for `waiting_for`; one with `is_kept` false is not here. A bundle carries its "
        "own proof of who sent it, so the call takes no access token and no `Idempotency-Key`."
    ),
    security=[{}],
    responses=BODY_PROBLEMS,
)
async def post_capture_bundles(
    request: Request[Any, Any, Any], context: NamedDependency[Context], data: JSONBody[BundlesIn]
) -> Response[BundlesOut]:
    """Late, twice, out of order."""
    now_s = wall_clock_s()
    await context.limiter.check(_BUNDLES, network_of(request), now_s=now_s)
    return Response(await take_bundles(context, data.bundles, now_s=now_s), headers=_NO_STORE)


FIELD_HANDLERS: Final = (
    post_field_device,
    get_field_devices,
    delete_field_device,
    post_field_enrolment,
    post_field_kit,
    post_capture_bundles,
)
