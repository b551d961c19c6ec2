"""The tour: the whole river in ten steps, over real HTTP against real processes."""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import httpx2

from consentid.demo import tour_checking, tour_giving, tour_lasting
from consentid.demo.hub_client import HubRefusalError
from consentid.demo.portal_client import SignInRefusedError
from consentid.demo.tour_report import StepReport, TourStepError
from consentid.demo.tour_scene import Scene
from consentid.kit.errors import ConsentidError

Step: TypeAlias = Callable[[Scene, StepReport], str]

STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("Consent at one brand, for the group", tour_giving.consents_for_the_group),
    ("It holds at the others", tour_giving.holds_at_the_others),
    ("Only what is missing is asked", tour_giving.leaves_only_the_missing),
    ("A brand's no outlives the group's yes", tour_giving.keeps_a_brand_refusal),
    ("A partner checks its own token only", tour_checking.serves_a_partner),
    ("Verified offline", tour_checking.verifies_offline),
    ("Withdrawn everywhere", tour_checking.ends_everywhere),
    ("Forgeries are refused", tour_checking.refuses_forgeries),
    ("Sent twice, counted once", tour_lasting.counts_once),
    ("Killed, and nothing lost", tour_lasting.survives_a_kill),
)

_FAILURES: Final = (
    TourStepError,
    HubRefusalError,
    SignInRefusedError,
    ConsentidError,
    httpx2.HTTPError,
    KeyError,
    StopIteration,
)
"""What a step may die of when the hub does not do what the contract says."""


def walk(scene: Scene) -> Iterator[StepReport]:
    """Walk the steps in order, and end at the first that fails."""
    for number, (title, step) in enumerate(STEPS, start=1):
        report = StepReport(number=number, title=title)
        started = time.monotonic()
        try:
            report.says = step(scene, report)
            report.passed = True
        except _FAILURES as failure:
            report.says = f"{failure}" or type(failure).__name__
        report.took_ms = round((time.monotonic() - started) * 1000)
        yield report
        if not report.passed:
            return
