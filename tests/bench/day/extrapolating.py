"""What a run says of a large group: bytes of each thing, and how many there are of it.

Bytes are measured: what the tables of a thing grew by, indexes and all, by the number of things
more.  How many there are is assumed (``Assumed``), and retention is that of the settings' defaults.
Young tables hold pages that nothing is on yet, so bytes are those of tables that were written
anew.  ``_ROOM`` stands for what is more in old ones: indexes of random keys, two thirds full, and
rows that wait to be cleaned up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

_ROOM: Final = 1.5
_DAY_S: Final = 86_400
_YEAR_D: Final = 365
_YEAR_S: Final = _YEAR_D * _DAY_S
_TOKEN_S: Final = 900
"""An access token lives ten minutes, and lies there until the reaper comes by."""
_USE: Final = 0.6
"""Of a core: more than this, and the busiest minute makes people wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """How a group's people behave.  All of it may be said otherwise on the command line."""

    years: float = 3.0
    """For how long there has been a hub."""
    audiences_each: float = 3.0
    """Brands and partners at which a person ever held a token."""
    visits_a_year: float = 150.0
    """Of a person, at all brands: requests of their back ends included."""
    hours_read_a_year: float = 60.0
    """Hours of the year in which some client was told of a person, by client and kind."""
    decisions_a_year: float = 1.5
    receivers: float = 2.0
    """Feeds that a decision concerns."""
    sessions_each: float = 0.5
    """Browsers that the hub knows, and refresh tokens."""
    peak: float = 5.0
    """How many times the mean the busiest minute is."""


THINGS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "person": (
        "subjects",
        ("subjects", "subject_keys", "projections", "devices", "known_subjects", "account_devices"),
    ),
    "decision": (
        "decisions",
        ("decisions", "served_notices", "ledger_entries", "ledger_tiles"),
    ),
    "audience": ("audience_states", ("audience_states", "status_indices")),
    "read": ("reads", ("reads",)),
    "event": ("events", ("events",)),
    "drained": ("outbox_drained", ("outbox_drained",)),
    "session": ("refresh_tokens", ("refresh_tokens", "hub_sessions", "session_clients")),
    "repeat": ("idempotency_keys", ("idempotency_keys",)),
    "token": ("access_tokens", ("access_tokens",)),
    "tree": ("ledger_trees", ("ledger_trees", "ledger_checkpoints")),
}
"""What a thing is counted by, and the tables that it takes."""


def bytes_of_things(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    """Of each thing that there is more of, what one takes."""
    found: dict[str, float] = {}
    for thing, (counted, tables) in THINGS.items():
        many = _grown(before, after, counted, "rows")
        if many > 0:
            found[thing] = sum(_grown(before, after, each, "bytes") for each in tables) / many
    return found


def _grown(
    before: Mapping[str, Mapping[str, int]],
    after: Mapping[str, Mapping[str, int]],
    table: str,
    what: str,
) -> int:
    return after.get(table, {}).get(what, 0) - before.get(table, {}).get(what, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A thing in a group."""

    thing: str
    bytes_each: float
    many: float
    reckoning: str

    @property
    def gigabytes(self) -> float:
        return self.bytes_each * self.many / 1e9


def lines_of(things: Mapping[str, float], people: int, assumed: Assumed) -> list[Line]:
    """How many there are of each, and why."""
    written_a_d = people * assumed.decisions_a_year / _YEAR_D
    a_second = people * assumed.visits_a_year / _YEAR_S
    decisions_a_s = people * assumed.decisions_a_year / _YEAR_S
    read_years = 396 / _YEAR_D
    reckoned: Iterable[tuple[str, float, str]] = (
        ("person", people, "people"),
        (
            "decision",
            people * assumed.decisions_a_year * assumed.years,
            f"{assumed.decisions_a_year:g} a year for {assumed.years:g} years",
        ),
        ("audience", people * assumed.audiences_each, f"{assumed.audiences_each:g} each"),
        (
            "read",
            people * assumed.hours_read_a_year * min(assumed.years, read_years),
            f"{assumed.hours_read_a_year:g} a year, kept 396 days",
        ),
        ("event", written_a_d * 30 * assumed.receivers, "kept 30 days, 2 receivers"),
        ("drained", written_a_d * 30, "kept 30 days"),
        ("session", people * assumed.sessions_each, f"{assumed.sessions_each:g} each"),
        ("repeat", written_a_d, "kept a day"),
        ("token", a_second * assumed.peak * _TOKEN_S, "kept 15 minutes, in the busiest"),
        (
            "tree",
            min(decisions_a_s, 1.0) * _YEAR_S * assumed.years,
            "one a second at most, for ever",
        ),
    )
    return [
        Line(thing=thing, bytes_each=things[thing], many=many, reckoning=why)
        for thing, many, why in reckoned
        if thing in things
    ]


def extrapolate(told: Mapping[str, Any], people: int, assumed: Assumed) -> dict[str, Any]:
    """What a group of so many takes, by what a run told."""
    lines = lines_of(told["bytes_of_things"], people, assumed)
    on_disk = sum(each.gigabytes for each in lines) * _ROOM
    visits_s = people * assumed.visits_a_year / _YEAR_S
    spent = {name: each["cpu_s"] / told["seconds"] for name, each in told["processes"].items()}
    came_s = sum(told["visits"].values()) / told["seconds"]
    web = sum(cores for name, cores in spent.items() if name.startswith("web"))
    web_cores = visits_s * assumed.peak * web / came_s
    wal = told["the_day"]["wal_bytes"] / sum(told["visits"].values())
    return {
        "people": people,
        "visits_a_second": round(visits_s, 1),
        "visits_a_second_in_the_peak": round(visits_s * assumed.peak, 1),
        "web_cores_in_the_peak": round(web_cores, 2),
        "web_processes": max(2, -(-web_cores // _USE)),
        "postgres_cores_in_the_peak": round(
            visits_s * assumed.peak * spent.get("PostgreSQL", 0.0) / came_s, 2
        ),
        "wal_mb_a_second_in_the_peak": round(visits_s * assumed.peak * wal / 1e6, 2),
        "wal_gb_a_day": round(visits_s * wal * _DAY_S / 1e9, 1),
        "database_gb": round(on_disk, 1),
        "database": [{**asdict(each), "gigabytes": round(each.gigabytes, 2)} for each in lines],
    }
