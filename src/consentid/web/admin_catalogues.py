"""``POST /v1/admin/catalogues``: configuration comes in force, by who has the owner's database.

The files come in one body, as texts: a brand has no others (a logo is words, fonts are the hub's
own).  No file makes or changes an administrator.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from consentid.brandbook.client import ADMINISTRATION
from consentid.brandbook.problem import BrandbookError, Rule
from consentid.flows.apply_files import MOST_CHARACTERS, MOST_FILES, apply_files, changes_of
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client
from consentid.web.admin_clients import WHERE
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.problems import MEDIA_TYPE, Problem, problem_of
from consentid.web.responses import BODY_PROBLEMS
from consentid.web.strict_bodies import CATALOGUES_PATH, MAX_BATCH_BYTES

_NO_STORE: Final = {"Cache-Control": "no-store"}


class CatalogueIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole folder of configuration, as `brands apply` reads it."""

    files: Annotated[
        dict[str, Annotated[str, Meta(max_length=MOST_CHARACTERS)]],
        Meta(min_length=1, max_length=MOST_FILES),
    ]
    """Their texts by name: `group.toml`, `news.toml`, `partners/reach.toml`, and the key sets that
    they name, such as `keys.json`.
    """
    dry_run: bool = False
    """Say what would change, and change nothing."""


class CatalogueAppliedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    version: int
    """In force now, or the one that it would be."""
    new: bool
    """Whether the files say anything new."""
    applied: bool
    """Whether this put a version in force."""
    changes: list[str]
    """What the version changes, in English."""


class MistakeOut(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in the files."""

    rule: Rule
    file: str
    line: int
    """From 1."""
    key: str
    """As one would write it; empty for the whole file."""
    message: str
    remedy: str


class CatalogueProblem(Problem, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document; for `brandbook_invalid` with every mistake."""

    problems: tuple[MistakeOut, ...] = ()


@post(
    CATALOGUES_PATH,
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.APPLY], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="Put configuration in force, or see what it would change",
    description=(
        f"{WHERE}The same files again change nothing. Mistakes are all told at once, in "
        "`problems`. Clients with a scope of the administration have to stay as they are. "
        f"At most {MOST_FILES} files, each of at most {MOST_CHARACTERS} "
        "characters, in a body of at most 1 MiB."
    ),
    responses={
        **BODY_PROBLEMS,
        422: ResponseSpec(
            CatalogueProblem,
            description="The files or the body hold mistakes.",
            media_type=MEDIA_TYPE,
            generate_examples=False,
        ),
    },
    request_max_body_size=MAX_BATCH_BYTES,
)
async def post_admin_catalogue(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[CatalogueIn]
) -> Response[CatalogueAppliedOut]:
    """As ``brands apply`` does with a folder."""
    try:
        done = await apply_files(
            context,
            data.files,
            by=by_client(caller.client.client_id),
            withheld=ADMINISTRATION,
            is_dry=data.dry_run,
        )
    except BrandbookError as error:
        return _mistakes(error)
    out = CatalogueAppliedOut(
        version=done.book.catalogue.version,
        new=done.is_new,
        applied=done.is_new and not data.dry_run,
        changes=changes_of(done),
    )
    return Response(out, status_code=HTTPStatus.OK, headers=_NO_STORE)


def _mistakes(error: BrandbookError) -> Response[Any]:
    count = len(error.problems)
    found = problem_of(error)
    out = CatalogueProblem(
        type=found.type,
        title=found.title,
        status=found.status,
        code=found.code,
        detail=f"{count} mistake{'' if count == 1 else 's'} in the files: `problems` has them all.",
        where="files",
        problems=tuple(
            MistakeOut(
                rule=each.rule,
                file=each.file,
                line=each.line,
                key=each.key,
                message=each.message,
                remedy=each.remedy,
            )
            for each in error.problems
        ),
    )
    return Response(out, status_code=found.status, headers=_NO_STORE, media_type=MEDIA_TYPE)
