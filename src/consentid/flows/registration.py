"""A declared client becomes a registered one."""

from collections.abc import Collection

from consentid.brandbook.client import ClientDeclaration, Collects, Scope
from consentid.kit.errors import ForbiddenError
from consentid.store.clients import Client, RegisteredKey, Registration


def registered(declared: ClientDeclaration, *, source: str) -> Client:
    """The client as it is kept.  ``source`` is ``files`` or ``command``."""
    return Client(
        client_id=declared.id,
        party=declared.party,
        source=source,
        auth_method=declared.auth,
        scopes=frozenset(declared.scopes),
        collects_for_group=declared.collects is Collects.GROUP,
        surface=declared.surface,
        token_class=declared.token_class,
        registration=Registration(
            application_type=declared.application_type,
            grant_types=tuple(sorted(declared.grant_types)),
            redirect_uris=declared.redirect_uris,
            post_logout_redirect_uris=declared.post_logout_redirect_uris,
            backchannel_logout_uri=declared.backchannel_logout_uri,
            purposes=None if declared.purposes is None else tuple(sorted(declared.purposes)),
            audience=declared.audience,
            id_token_signed_response_alg=declared.id_token_signed_response_alg,
            require_pushed_authorization_requests=declared.require_pushed_authorization_requests,
            keys=tuple(
                RegisteredKey(kid=key.kid, alg=key.alg, members=dict(key.members))
                for key in declared.keys
            ),
        ),
    )


def check_withheld(scopes: Collection[str], withheld: Collection[Scope], *, where: str) -> None:
    """Nobody hands on, to a client of their choice, what they may not give.

    ``where`` is the place that speaks of whose scopes they are.

    Raises:
        ForbiddenError: one of the scopes is withheld.
    """
    found = sorted(set(withheld).intersection(scopes))
    if found:
        raise ForbiddenError(
            "scope_withheld",
            f"{', '.join(found)}: clients that have such a scope are made, changed and given "
            "secrets on the command line alone.",
            where=where,
        )
