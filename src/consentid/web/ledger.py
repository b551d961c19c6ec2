"""``/v1/ledger/...``: the transparency log, for anybody.

Tiles never change, so whoever has one need not ask again; the checkpoint changes with each batch.
Spec: C2SP tlog-tiles, tlog-checkpoint, tlog-proof.
"""

import base64
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from consentid.flows.context import Context
from consentid.flows.show_ledger import (
    prove_consistency,
    prove_entry,
    prove_inclusion,
    show_checkpoint,
    show_log_key,
    show_log_keys,
    show_tile,
)
from consentid.ledger.tiles import parse_path
from consentid.ledger.tree import MAX_SIZE
from consentid.web.guards import QUERY
from consentid.web.responses import DOCUMENT_PROBLEMS, PUBLIC_PROBLEMS

FOLDER: Final = "/v1/ledger"
_TEXT: Final = "text/plain"
_TILE: Final = "application/octet-stream"
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOR_NOW: Final = {"Cache-Control": "public, max-age=1"}

_Index = Annotated[int, QueryParameter(ge=0, le=MAX_SIZE)]
_Size = Annotated[int, QueryParameter(ge=0, le=MAX_SIZE)]


class InclusionOut(msgspec.Struct, frozen=True, kw_only=True):
    """That a leaf stands in a tree: its sibling first, the root's child last.  Base64."""

    index: int
    size: int
    leaf: str
    """The leaf's hash."""
    hashes: list[str]


class ConsistencyOut(msgspec.Struct, frozen=True, kw_only=True):
    """That a tree grew into another, in the order of RFC 9162.  Base64."""

    first: int
    second: int
    hashes: list[str]


@get(
    f"{FOLDER}/checkpoint",
    tags=["Ledger"],
    summary="The log's newest checkpoint",
    security=[{}],
    media_type=_TEXT,
    responses=DOCUMENT_PROBLEMS,
)
async def get_checkpoint(context: NamedDependency[Context]) -> Response[str]:
    """How large the log is, and the root over it: a signed note."""
    return Response(await show_checkpoint(context), media_type=_TEXT, headers=_FOR_NOW)


@get(
    f"{FOLDER}/key",
    tags=["Ledger"],
    summary="The log's public key",
    security=[{}],
    media_type=_TEXT,
    responses=DOCUMENT_PROBLEMS,
)
async def get_log_key(context: NamedDependency[Context]) -> Response[str]:
    """As a witness is configured with it.  Whoever audits gets it by another way too."""
    return Response(f"{await show_log_key(context)}\n", media_type=_TEXT, headers=_FOR_NOW)


@get(
    f"{FOLDER}/keys",
    tags=["Ledger"],
    summary="The public keys of all logs",
    security=[{}],
    media_type=_TEXT,
    responses=DOCUMENT_PROBLEMS,
)
async def get_log_keys(context: NamedDependency[Context]) -> Response[str]:
    """One a line, that of the log that grows first: where it continues others, each has its own."""
    keys = await show_log_keys(context)
    return Response("".join(f"{key}\n" for key in keys), media_type=_TEXT, headers=_FOR_NOW)


@get(
    f"{FOLDER}/tile/{{path:path}}",
    tags=["Ledger"],
    summary="A tile of hashes, or a bundle of entries",
    security=[{}],
    media_type=_TILE,
    responses=PUBLIC_PROBLEMS,
)
async def get_tile(
    context: NamedDependency[Context], path: Annotated[str, PathParameter(max_length=128)]
) -> Response[bytes]:
    """`0/x001/x234/067`, `1/000.p/5`, `entries/000`: at most 256 hashes or entries."""
    tile = parse_path(path.removeprefix("/"))
    return Response(await show_tile(context, tile), media_type=_TILE, headers=_FOR_EVER)


@get(
    f"{FOLDER}/proof/entry/{{event_id:uuid}}",
    tags=["Ledger"],
    summary="That an event is in the log",
    security=[{}],
    media_type=_TEXT,
    responses=PUBLIC_PROBLEMS,
)
async def get_entry_proof(
    context: NamedDependency[Context], event_id: Annotated[UUID, PathParameter()]
) -> Response[str]:
    """A proof that stands alone, with the checkpoint it leads to; a receipt's record has the id."""
    return Response(await prove_entry(context, event_id), media_type=_TEXT, headers=_FOR_NOW)


@get(
    f"{FOLDER}/proof/inclusion",
    opt={QUERY: frozenset({"index", "size"})},
    tags=["Ledger"],
    summary="That an entry stands at an index",
    security=[{}],
    responses=PUBLIC_PROBLEMS,
)
async def get_inclusion_proof(
    context: NamedDependency[Context], index: _Index, size: _Size
) -> Response[InclusionOut]:
    """For whoever would rather not compute it out of tiles."""
    leaf, hashes = await prove_inclusion(context, index=index, size=size)
    answer = InclusionOut(
        index=index, size=size, leaf=_base64(leaf), hashes=[_base64(each) for each in hashes]
    )
    return Response(answer, headers=_FOR_EVER)


@get(
    f"{FOLDER}/proof/consistency",
    opt={QUERY: frozenset({"first", "second"})},
    tags=["Ledger"],
    summary="That the log only grew",
    security=[{}],
    responses=PUBLIC_PROBLEMS,
)
async def get_consistency_proof(
    context: NamedDependency[Context], first: _Size, second: _Size
) -> Response[ConsistencyOut]:
    """Between the trees of two sizes."""
    found = await prove_consistency(context, first=first, second=second)
    answer = ConsistencyOut(first=first, second=second, hashes=[_base64(each) for each in found])
    return Response(answer, headers=_FOR_EVER)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
