"""The database: who may do what, whether it keeps what it says, and how far its followers are."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.doctor.finding import Finding, unknown, unsafe, warning
from consentid.store import guarding, inspection
from consentid.store.guarding import Guard
from consentid.store.inspection import Replica, Role, Server
from consentid.store.migrating import known_steps, newest_step

_LATE_S: Final = 10
_TOO_LATE_S: Final = 60
_LATE_BYTES: Final = 64 * 2**20


async def look_at_serving(connection: AsyncConnection, place: str) -> AsyncIterator[Finding]:
    """Judge the server and the rights of the serving role, whose connection this is."""
    for each in judge_server(await inspection.server(connection), place):
        yield each
    for each in judge_role(await inspection.role(connection)):
        yield each
    for guard in await guarding.guards(connection):
        for each in judge_guard(guard):
            yield each


def judge_server(server: Server, place: str) -> Iterator[Finding]:
    """Whether what it has committed stays."""
    if not server.is_durable:
        yield unsafe(
            "database.not_durable",
            place,
            "it says that something is kept before it is: a power cut loses decisions",
            "set fsync and full_page_writes to on",
        )
    if server.is_standby:
        yield unsafe(
            "database.standby",
            place,
            "it only follows another server: nothing can be recorded there",
            "name the primary (target_session_attrs=primary)",
        )


def judge_role(role: Role) -> Iterator[Finding]:
    """Whether the serving role may do what serving takes, and no more."""
    if role.powers:
        yield unsafe(
            "role.too_wide",
            role.name,
            f"the serving role has {', '.join(role.powers)}",
            f"ALTER ROLE {role.name} " + " ".join(f"NO{power}" for power in role.powers),
        )
    if role.member_of:
        yield unsafe(
            "role.member",
            role.name,
            f"the serving role may act as {', '.join(role.member_of)}",
            f"REVOKE {', '.join(role.member_of)} FROM {role.name}",
        )
    if role.owned:
        yield unsafe(
            "role.owns",
            role.name,
            f"the serving role owns {len(role.owned)} tables ({role.owned[0]} and so on), and may"
            " lift every guard of theirs",
            "let another role own them (REASSIGN OWNED), and migrate as that one",
        )
    if role.may_create and not role.powers:
        yield unsafe(
            "role.creates",
            role.name,
            "the serving role may make tables and functions, which others then run",
            f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role.name}; the same ON DATABASE",
        )


def judge_guard(guard: Guard) -> Iterator[Finding]:
    """Whether what was written once stays written."""
    if not guard.is_there:
        yield unsafe(
            "database.guard_missing",
            guard.table,
            "the trigger that keeps everybody from changing it is gone",
            f"make append_only anew ON {guard.table} as a new database has it (EXECUTE FUNCTION"
            " refuse_change()); then `consentid ledger verify`",
        )
    elif not guard.is_on:
        yield unsafe(
            "database.guard_off",
            guard.table,
            "the trigger that keeps everybody from changing it is switched off",
            f"ALTER TABLE {guard.table} ENABLE TRIGGER append_only, and RESET"
            " session_replication_role of the role; then `consentid ledger verify`",
        )
    if guard.may:
        privileges = ", ".join(guard.may)
        yield unsafe(
            "role.may_change",
            guard.table,
            f"the serving role is granted {privileges}, which serving does not take",
            f"REVOKE {privileges} ON {guard.table} from it",
        )


def judge_step(found: str | None, place: str) -> Iterator[Finding]:
    """Whether the database is at the step that this release was written for."""
    newest = newest_step()
    if found == newest:
        return
    if found is None:
        yield unsafe(
            "database.empty", place, "nothing was migrated there yet", "run `consentid migrate`"
        )
    elif found in known_steps():
        yield unsafe(
            "database.behind",
            place,
            f"it is at step {found}, and this release needs {newest}",
            "run `consentid migrate`",
        )
    else:
        yield warning(
            "database.ahead",
            place,
            f"it is at step {found}, which this release (up to {newest}) does not know",
            "finish the upgrade: let every process be of the newer release",
        )


def judge_replicas(found: Iterable[Replica], place: str) -> Iterator[Finding]:
    """How much a failover would lose."""
    for replica in found:
        if replica.is_hidden:
            yield unknown(
                "replica.hidden",
                replica.name,
                "how far it follows is not for this role to see",
                f"GRANT pg_monitor to the role of {place}",
            )
            continue
        late_s, late_bytes = replica.late_s or 0.0, replica.late_bytes or 0
        if late_s > _LATE_S or late_bytes > _LATE_BYTES:
            tell = unsafe if late_s > _TOO_LATE_S else warning
            yield tell(
                "replica.late",
                replica.name,
                f"it is {late_s:.0f} s and {late_bytes / 2**20:.0f} MiB behind: a failover to it"
                " loses what was acknowledged since",
                "find out what holds it up, or let commits wait for it (synchronous_standby_names)",
            )


def judge_slots(idle: Iterable[str]) -> Iterator[Finding]:
    """Whether the disk fills up for somebody who is gone."""
    for name in idle:
        yield warning(
            "replica.slot_idle",
            name,
            "nobody reads this replication slot, and the server keeps everything since for it",
            "bring its reader back, or SELECT pg_drop_replication_slot(...)",
        )
