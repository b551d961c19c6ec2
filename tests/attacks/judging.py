"""What no answer may be, whatever was sent; and an attack on a whole hub."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tests.attacks.arsenal import EVIL, INJECTED, Address, Attack, addresses, attacks_on
from tests.attacks.wire import HUNG, Answers, send
from tests.web.hub import Hub
from tests.web.programs import add_programs, program_of

from consentid.brandbook.client import ADMINISTRATION
from consentid.web.guards import QUERY, SCOPE
from consentid.web.routes import HANDLERS

_PLACE: Final = re.compile(r"\{[^}]+\}")
_KIND: Final = re.compile(r":\w+\}")
"""Of a parameter in a path."""
_AT_ONCE: Final = 8
_BUG: Final = "unforeseen error"
_AWAY: Final = re.compile(r"/v1/ledger/|/sign-in$")
"""No worker has opened a log here, and of the portal there are discovery and keys alone."""
_PROTOCOL: Final = frozenset({400, 408, 431})
"""What the server says before there is a request; it says no more than that, and hangs up."""
_GUARDS: Final = {"x-content-type-options": "nosniff", "x-frame-options": "DENY"}


def complaints(address: Address, attack: Attack, answers: Answers) -> Iterator[str]:
    """What is wrong with the answer to an attack."""
    found = [status for status in answers.statuses if status != 100]
    if answers.hung:
        yield HUNG
    if len(found) != 1:
        yield f"{len(found)} answers"
        return
    (status,) = found
    if attack.sound and status not in attack.sound:
        yield f"{status} where {min(attack.sound)} was due"
    if status >= 500 and _AWAY.search(address.path) is None:
        yield f"{status}"
    if status == 101:
        yield "another protocol"
    if EVIL.encode() in answers.raw.lower():
        yield "says again what was sent"
    if answers.find(INJECTED) is not None:
        yield "a header of the attacker's"
    guards = {name: answers.find(name) for name in _GUARDS}
    if status not in _PROTOCOL and guards != _GUARDS:
        yield f"unguarded: {guards}"
    location = answers.find("location")
    if location is not None and re.match(r"[\\/]{2}|javascript:", location):
        yield f"leads to {location}"


def all_addresses(
    hub: Hub, headers: Mapping[str, str], cookies: Mapping[str, str]
) -> list[Address]:
    """Everything there is: of the document with a token, pages with a browser's cookies.

    In the administration, whoever calls may do what they ask for.
    """
    document = hub.http.get("/schema").json()
    programs = _programs(add_programs(hub))

    def headers_of(method: str, path: str) -> Mapping[str, str]:
        if path not in document["paths"]:
            return cookies
        return programs.get(f"{method} {path}", headers)

    return [*addresses(document, _pages(), headers_of)]


def _programs(hub: Hub) -> dict[str, Mapping[str, str]]:
    return {
        f"{method} {_KIND.sub('}', path)}": hub.client_token(program_of(scope))
        for scope in ADMINISTRATION
        for handler in HANDLERS
        if handler.opt.get(SCOPE) == scope
        for path in handler.paths
        for method in handler.http_methods
    }


def _pages() -> dict[str, tuple[str, ...]]:
    pages: dict[str, tuple[str, ...]] = {}
    for handler in HANDLERS:
        if handler.include_in_schema is False:
            known: frozenset[str] = handler.opt.get(QUERY, frozenset[str]())
            for path in handler.paths:
                for method in handler.http_methods:
                    pages[f"{method} {_PLACE.sub('A' * 22, path)}"] = tuple(sorted(known))
    return pages


async def attack(hub: Hub, targets: Sequence[tuple[Address, Attack]]) -> list[str]:
    """Carry attacks out, some at once; what was wrong with which, and with the log."""
    port = int(hub.url.rpartition(":")[2])
    begun = len(hub.log.read_text())
    room = asyncio.Semaphore(_AT_ONCE)
    wrong: list[str] = []

    async def one(address: Address, attack: Attack) -> None:
        async with room:
            answers = await send(port, attack.raw)
        place = f"{address.method} {address.path}, {attack.name}"
        wrong.extend(f"{place}: {each}" for each in complaints(address, attack, answers))

    async with asyncio.TaskGroup() as group:
        for target in targets:
            group.create_task(one(*target))
    said = hub.log.read_text()[begun:]
    wrong += [f"the log: {_BUG}, {said.count(_BUG)} times"] if _BUG in said else []
    return sorted(wrong)


def some(targets: Sequence[Address], every: int) -> list[tuple[Address, Attack]]:
    """Of each address's attacks each ``every``-th, another one at the next address."""
    return [
        (address, attack)
        for number, address in enumerate(targets)
        for place, attack in enumerate(attacks_on(address))
        if (number + place) % every == 0
    ]
