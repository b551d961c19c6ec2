"""``python -m tests.bench.pages``: how long the hub's server takes for each page, what it weighs.

One after the other to a whole hub on loopback, beside the bare route of the framework in the same
rounds.  A page weighs what it is with everything it names in its head, compressed, as a browser
that was never here gets it.  Nothing is asserted about time.
"""

import argparse
import asyncio
import json
import re
import shutil
import statistics
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Final

import httpx2
from tests.bench.serving import bare_route, migrated
from tests.web.calling import Screen
from tests.web.hub import Hub, forget, running_hub, running_portal
from tests.web.hub import Person as Customer
from tests.web.pages.centre import Person
from tests.web.pages.test_device_pages import switch_on
from tests.web.pages.test_operations import let_in, operator
from tests.web.pages.visits import Visit

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.web.pages.operations import Tab
from consentid.web.pages.operations_visit import PATHS

_HEADERS: Final = {"Accept": "text/html", "Accept-Language": "en", "Accept-Encoding": "gzip"}
_BARE: Final = "bare route"
_PAST: Final = 20
"""Answers that the person whose pages are looked at has given."""
_NAMED: Final = re.compile(r'<(?:link|script|img)\b[^>]*?\b(?:href|src)="(/[^"]+)"')
_CENTRE: Final = ("", "/history", "/devices", "/reads", "/captures", "/data", "/everything")

Pages = Mapping[str, tuple[httpx2.Client, str]]
"""Where each page is, and for whom, by what it is called."""


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    with _running() as (hub, valkey, bare), ExitStack() as browsers:
        pages = {_BARE: (bare, "/"), **_prepared(hub, browsers)}
        weights = {name: _weight(*page) for name, page in pages.items()}
        found = _measured(pages, valkey, int(given.rounds))
    told = [
        {
            "name": name,
            "bytes": weights[name],
            "median_ms": round(statistics.median(times), 2),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
            "ratio": round(statistics.median(times) / statistics.median(found[_BARE]), 1),
        }
        for name, times in found.items()
    ]
    lines = [f"{'':26}{'bytes':>8}{'median ms':>11}{'p95':>9}{'to bare':>9}"]
    for one in told:
        line = f"{one['name']:26}{one['bytes']:8}{one['median_ms']:11}{one['p95_ms']:9}"
        lines.append(f"{line}{one['ratio']:9}")
    print(json.dumps({"results": told}) if given.json else "\n".join(lines))  # noqa: T201 a command speaks by printing
    return 0


def _measured(pages: Pages, valkey: str, rounds: int) -> Mapping[str, list[float]]:
    """Milliseconds of each page, all of them in each round.  The first round is not counted."""
    found: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(rounds + 1):
        forget(valkey, "limit:*")  # nobody opens each page once a second for long
        for name, (http, path) in pages.items():
            began = time.perf_counter()
            answer = http.get(path)
            took_ms = (time.perf_counter() - began) * 1_000
            if answer.status_code != HTTPStatus.OK:
                sys.exit(f"{name}: {answer.status_code}")
            if number:
                found[name].append(took_ms)
    return found


def _weight(http: httpx2.Client, path: str) -> int:
    """Bytes over the wire, without headers: the page, and what it names."""
    answer = http.get(path)
    is_page = "html" in answer.headers["content-type"]
    named: set[str] = {each[1] for each in _NAMED.finditer(answer.text)} if is_page else set()
    parts = [http.get(each) for each in named if each.startswith(("/assets/", "/field/"))]
    return sum(each.num_bytes_downloaded for each in (answer, *parts))


def _prepared(hub: Hub, browsers: ExitStack) -> dict[str, tuple[httpx2.Client, str]]:
    """People who have a past, and where they look."""

    def browser() -> httpx2.Client:
        return browsers.enter_context(httpx2.Client(base_url=hub.url, headers=_HEADERS))

    nobody = browser()
    pages = {"home": (nobody, "/"), "preferences, nobody": (nobody, "/preferences")}
    visit = Visit.begin(hub, browser(), ui_locales="en")
    pages["consent page"] = (visit.http, visit.path)
    person = Person.arrive(hub, browser())
    for number in range(_PAST):
        person.answer(
            ("granted", "refused")[number % 2], ("content", "ads.personalised")[number % 3 % 2]
        )
    again = Visit.begin(hub, person.http, ui_locales="en", prompt="consent")
    pages["consent page, again"] = (again.http, again.path)
    pages |= {f"preferences{each}": (person.http, f"/preferences{each}") for each in _CENTRE}
    history = person.look("/preferences/history").text
    decision = history.partition("/preferences/decisions/")[2].partition('"')[0]
    for folder in ("decisions/{}", "receipts/{}", "receipts/{}/page"):
        path = f"/preferences/{folder.format(decision)}"
        pages[path.replace(decision, "…").lstrip("/")] = (person.http, path)
    screen = Screen(hub=hub, http=browser())
    screen.sign_in(Customer())
    pages["preferences, signed in"] = (screen.http, "/preferences")
    pages["approvals"] = (screen.http, "/approvals")
    code = switch_on(hub)["user_code"]
    pages |= {
        "device": (nobody, "/device"),
        "device, code": (browser(), f"/device?user_code={code}"),
        "verify-receipt": (nobody, "/verify-receipt"),
        "logout": (nobody, "/logout"),
        "field": (nobody, "/field/"),
        "operations, nobody": (browser(), "/operations"),
    }
    staff = browsers.enter_context(operator(hub))
    let_in(hub, staff)
    staff.http.headers.update(_HEADERS)
    pages |= {
        path.lstrip("/"): (staff.http, path)
        for tab, (path, _) in PATHS.items()
        if tab is not Tab.SUPPORT  # of another role
    }
    return pages


@contextmanager
def _running() -> Generator[tuple[Hub, str, httpx2.Client]]:
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder, asyncio.run(migrated(postgres)), portal, valkey_url=valkey.url
            ) as hub,
            bare_route() as (port, _),
            httpx2.Client(base_url=f"http://127.0.0.1:{port}") as bare,
        ):
            yield hub, valkey.url, bare
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
