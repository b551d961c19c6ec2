"""Reading the OAuth clients of a brand or partner."""

from collections.abc import Mapping
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.client import (
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    Scope,
    Surface,
    TokenClass,
)
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table
from consentid.core.party import Party, PartyKind

_INSIDERS: Final = frozenset({Scope.ADMIN, Scope.KPIS_READ})


def read_clients(table: Table, party: Party) -> Mapping[ClientId, ClientDeclaration]:
    """Read ``[clients]``."""
    found: dict[ClientId, ClientDeclaration] = {}
    for id_, declared in table.tables():
        if not form.CLIENT_ID.fits(id_):
            declared.tell(Rule.WRONG_FORM, f'"{id_}" will not do', f"write {form.CLIENT_ID.right}")
            continue
        found[ClientId(id_)] = _read_client(declared, ClientId(id_), party)
    return found


def _read_client(table: Table, id_: ClientId, party: Party) -> ClientDeclaration:
    surface = table.find_word("surface", Surface) or Surface.WEB
    client = ClientDeclaration(
        id=id_,
        party=party,
        auth=table.word("auth", AuthMethod) or AuthMethod.CLIENT_SECRET_BASIC,
        scopes=frozenset(table.words("scopes", Scope)),
        collects=table.find_word("collects", Collects) or Collects.OWN,
        surface=surface,
        token_class=table.find_word("tokens", TokenClass) or _token_class(surface, party),
        redirect_uris=table.texts("redirect_uris", form.REDIRECT),
    )
    table.close({"channel": "did you mean surface?"})
    _check(table, client)
    return client


def _token_class(surface: Surface, party: Party) -> TokenClass:
    if party.kind is PartyKind.PARTNER:
        return TokenClass.PARTNER
    return TokenClass.TV if surface is Surface.TV else TokenClass.WEB


def _check(table: Table, client: ClientDeclaration) -> None:
    partner = client.party.kind is PartyKind.PARTNER
    if client.collects is Collects.GROUP and partner:
        table.tell(
            Rule.WIDENING,
            "a partner cannot collect consent for the group",
            'write collects = "own"',
            "collects",
        )
    if client.collects is Collects.GROUP and client.auth is AuthMethod.NONE:
        table.tell(
            Rule.WIDENING,
            "a client that keeps no secret cannot collect consent for the group",
            'write collects = "own", or give it a secret',
            "collects",
        )
    if partner and client.token_class is not TokenClass.PARTNER:
        table.tell(
            Rule.WIDENING,
            "a partner's tokens live no longer than partner tokens do",
            'write tokens = "partner", or remove it',
            "tokens",
        )
    if _INSIDERS & client.scopes and (partner or client.auth is AuthMethod.NONE):
        table.tell(
            Rule.WIDENING,
            f"{' and '.join(sorted(_INSIDERS & client.scopes))} are for the brands' own back ends",
            "remove them",
            "scopes",
        )
    if client.auth is AuthMethod.NONE and Scope.EVENTS_READ in client.scopes:
        table.tell(
            Rule.WIDENING,
            "events:read is for back ends: a client that keeps no secret reads no feed",
            "remove it",
            "scopes",
        )
