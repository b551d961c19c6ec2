"""Reading the OAuth clients of a brand or partner."""

from collections.abc import Mapping, Sequence

from consentid.brandbook import form
from consentid.brandbook.client import (
    ApplicationType,
    AuthMethod,
    ClientDeclaration,
    ClientId,
    ClientKey,
    Collects,
    GrantType,
    IdTokenAlgorithm,
    Scope,
    Surface,
    TokenClass,
    application_type_for,
    grant_types_for,
    token_class_for,
)
from consentid.brandbook.client_faults import find_faults
from consentid.brandbook.client_keys import BadKeyError, read_key_file, read_keys
from consentid.brandbook.overrides import Standing, find_purpose
from consentid.brandbook.place import spell
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table
from consentid.core.purpose import PurposeId


def read_clients(
    table: Table, standing: Standing, domains: Sequence[str]
) -> Mapping[ClientId, ClientDeclaration]:
    """Read ``[clients]``."""
    found: dict[ClientId, ClientDeclaration] = {}
    for id_, declared in table.tables():
        if not form.CLIENT_ID.fits(id_):
            declared.tell(Rule.WRONG_FORM, f'"{id_}" will not do', f"write {form.CLIENT_ID.right}")
            continue
        client = _read_client(declared, ClientId(id_), standing)
        for fault in find_faults(client, domains):
            declared.tell(fault.rule, fault.message, fault.remedy, *fault.keys)
        found[ClientId(id_)] = client
    return found


def _read_client(table: Table, id_: ClientId, standing: Standing) -> ClientDeclaration:
    surface = table.find_word("surface", Surface) or Surface.WEB
    auth = table.word("auth", AuthMethod) or AuthMethod.CLIENT_SECRET_BASIC
    redirects = table.texts("redirect_uris", form.REDIRECT)
    client = ClientDeclaration(
        id=id_,
        party=standing.party,
        auth=auth,
        scopes=frozenset(table.words("scopes", Scope)),
        collects=table.find_word("collects", Collects) or Collects.OWN,
        surface=surface,
        token_class=table.find_word("tokens", TokenClass)
        or token_class_for(surface, standing.party),
        application_type=table.find_word("application_type", ApplicationType)
        or application_type_for(auth, surface),
        grant_types=frozenset(table.words("grant_types", GrantType))
        if "grant_types" in table
        else grant_types_for(auth, surface, redirects, standing.party),
        redirect_uris=redirects,
        post_logout_redirect_uris=table.texts("post_logout_redirect_uris", form.REDIRECT),
        backchannel_logout_uri=table.find_text("backchannel_logout_uri", form.LINK),
        purposes=_read_purposes(table, standing),
        audience=table.find_text("audience", form.AUDIENCE),
        id_token_signed_response_alg=table.find_word(
            "id_token_signed_response_alg", IdTokenAlgorithm
        )
        or IdTokenAlgorithm.RS256,
        require_pushed_authorization_requests=table.find_flag(
            "require_pushed_authorization_requests"
        )
        or False,
        keys=_read_keys(table),
    )
    table.close({"channel": "did you mean surface?", "jwks_uri": "write jwks or jwks_file"})
    return client


def _read_purposes(table: Table, standing: Standing) -> frozenset[PurposeId] | None:
    if "purposes" not in table:
        return None
    found = (
        find_purpose(table, slug, standing, ("purposes", index))
        for index, slug in enumerate(table.texts("purposes", form.PURPOSE, required=True))
    )
    return frozenset(id_ for id_ in found if id_ is not None)


def _read_keys(table: Table) -> tuple[ClientKey, ...]:
    key = "jwks"
    try:
        name = table.find_text("jwks_file", form.FILE)
        if "jwks" in table:
            if name is not None:
                table.tell(
                    Rule.CONTRADICTION, "the keys stand in two places", "keep one", "jwks_file"
                )
            return read_keys(table.take("jwks"))
        if name is None:
            return ()
        key = "jwks_file"
        return read_key_file(table.page.folder / name)
    except BadKeyError as bad:
        place = bad.place if key == "jwks" else ()
        inside = "" if key == "jwks" or not bad.place else f" ({spell(bad.place)})"
        table.tell(Rule.WRONG_FORM, f"{bad.message}{inside}", bad.remedy, key, *place)
        return ()
