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
    TokenClass,
)
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table, suggest
from consentid.core.decision import Channel
from consentid.core.party import Party, PartyKind

_CHANNELS: Final = (Channel.WEB, Channel.APP, Channel.TV, Channel.PHONE, Channel.SHOP)
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
    channel = _read_channel(table)
    client = ClientDeclaration(
        id=id_,
        party=party,
        auth=table.word("auth", AuthMethod) or AuthMethod.CLIENT_SECRET_BASIC,
        scopes=frozenset(table.words("scopes", Scope)),
        collects=table.find_word("collects", Collects) or Collects.OWN,
        channel=channel,
        token_class=table.find_word("tokens", TokenClass) or _token_class(channel, party),
        redirect_uris=table.texts("redirect_uris", form.REDIRECT),
    )
    table.close()
    _check(table, client)
    return client


def _read_channel(table: Table) -> Channel:
    channel = table.find_word("channel", Channel)
    if channel is not None and channel not in _CHANNELS:
        table.tell(
            Rule.WRONG_FORM,
            f"nobody sits at a client of channel {channel}",
            suggest(channel, (each.value for each in _CHANNELS)),
            "channel",
        )
    return channel or Channel.WEB


def _token_class(channel: Channel, party: Party) -> TokenClass:
    if party.kind is PartyKind.PARTNER:
        return TokenClass.PARTNER
    return TokenClass.TV if channel is Channel.TV else TokenClass.WEB


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
