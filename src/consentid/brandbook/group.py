"""Reading ``group.toml``, beside the purposes it declares."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from consentid.brandbook import form
from consentid.brandbook.book import Group, IdentityPolicy, Portal, Retirement
from consentid.brandbook.look import read_look
from consentid.brandbook.problem import Rule
from consentid.brandbook.profile import read_entity
from consentid.brandbook.purposes import DAY_S, MAX_VALIDITY_DAYS
from consentid.brandbook.table import Table
from consentid.core.catalogue import MIN_REFUSAL_MEMORY_S
from consentid.core.decision import SignalSource
from consentid.core.party import Slug
from consentid.core.purpose import PurposeId

_DEFAULT_VALIDITY_DAYS: Final = 390
_MIN_MEMORY_DAYS: Final = MIN_REFUSAL_MEMORY_S // DAY_S

_Slug = TypeVar("_Slug", PurposeId, Slug)


def read_group(table: Table) -> Group:
    """Read all but ``[purposes]`` and ``[texts]``, which the caller reads and then closes."""
    languages = table.texts("languages", form.LANGUAGE, required=True)
    validity_days = table.find_integer("validity_days", low=1, high=MAX_VALIDITY_DAYS)
    memory_days = table.find_integer(
        "refusal_memory_days", low=_MIN_MEMORY_DAYS, high=MAX_VALIDITY_DAYS
    )
    signals = table.table("signals")
    retired = table.table("retired")
    group = Group(
        name=table.text("name", form.NAME),
        entity=read_entity(table.table("legal_entity", required=True)),
        issuer=table.text("issuer", form.ISSUER),
        look=read_look(table.table("look", required=True)),
        portal=_read_portal(table.table("portal", required=True)),
        languages=languages,
        validity_s=(validity_days or _DEFAULT_VALIDITY_DAYS) * DAY_S,
        refusal_memory_s=(memory_days or _MIN_MEMORY_DAYS) * DAY_S,
        identity=table.find_word("identity", IdentityPolicy) or IdentityPolicy.ACCOUNT_PREVAILS,
        signals={
            source: tuple(PurposeId(slug) for slug in signals.texts(source, form.PURPOSE))
            for source in SignalSource
            if source in signals
        },
        retired_purposes=_read_retired(retired.table("purposes"), PurposeId, form.PURPOSE),
        retired_parties=_read_retired(retired.table("parties"), Slug, form.SLUG),
    )
    # So that a typing error names the signals there are.
    for source in SignalSource:
        signals.texts(source, form.PURPOSE)
    signals.close()
    retired.close()
    return group


def _read_portal(table: Table) -> Portal:
    ours = table.text("client_id", form.TOKEN)
    clients = table.table("clients")
    by_brand: dict[Slug, str] = {}
    for slug in clients:
        client_id = clients.text(slug, form.TOKEN)
        by_brand[Slug(slug)] = client_id
        if client_id and (client_id == ours or list(by_brand.values()).count(client_id) > 1):
            clients.tell(
                Rule.DUPLICATE,
                f'"{client_id}" is a client of somebody else at the portal already',
                "register a client of its own there: ID tokens are told apart by it",
                slug,
            )
    issuer = table.text("issuer", form.PORTAL_ISSUER)
    portal = Portal(issuer=issuer, client_id=ours, clients=by_brand)
    table.close()
    return portal


def _read_retired(
    table: Table, of: Callable[[str], _Slug], slugs: form.Form
) -> Mapping[_Slug, Retirement]:
    found: dict[_Slug, Retirement] = {}
    for slug, retired in table.tables():
        if not slugs.fits(slug):
            retired.tell(Rule.WRONG_FORM, f'"{slug}" will not do', f"write {slugs.right}")
        on = retired.find_date("on")
        if "on" not in retired:
            retired.tell(Rule.MISSING_KEY, "this is missing", "write on: a date", "on")
        reason = retired.text("reason", form.LINE)
        retired.close()
        if on is not None:
            found[of(slug)] = Retirement(on=on, reason=reason)
    return found
