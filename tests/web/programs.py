"""Programs of the group's staff: a client for each scope of the administration, and no other."""

from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub
from tests.web.test_events import opened_by_owner

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.flows.register_client import add_client


def add_programs(hub: Hub) -> Hub:
    """Register them, as the command line does; the hub knows their secrets."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    return hub


def program_of(scope: Scope) -> str:
    """Which of them has a scope."""
    return f"program-{scope.replace(':', '-')}"


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    made = {
        scope: await add_client(
            opened.context.database,
            consumer(program_of(scope), NEWS, scopes=frozenset({scope})),
            randomness=opened.context.randomness,
        )
        for scope in ADMINISTRATION
    }
    await opened.close()
    return {program_of(scope): new.secret for scope, new in made.items() if new is not None}
