"""The alert rules: sound PromQL, over metrics and labels that our processes really tell of."""

import asyncio
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.metrics_core import Metric
from promql_parser import Expr, MatchOp, VectorSelector
from tests.helm.rendering import CHART, read_yaml

from consentid.flows.change_watch import ChangeWatch
from consentid.flows.opening import open_context
from consentid.flows.revocation_stream import RevocationStream
from consentid.flows.show_propagation import SystemOut
from consentid.flows.verify_from_memory import Memory
from consentid.flows.watch_revocations import RevocationWatch
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.store import queues
from consentid.store.queues import Depth
from consentid.telemetry.tally import BOUNDS_S, Timings
from consentid.web.introspect import post_introspect
from consentid.web.metrics import WebMetrics
from consentid.web.verify import get_verify_forward, post_verify, post_verify_batch
from consentid.worker.metrics import Rounds, WorkerMetrics

OURS = {"namespace": "NAMESPACE", "service": "SERVICE"}
ADDED = {"pod", *OURS}
"""Labels that whoever scrapes adds."""
RULES: list[dict[str, Any]] = [
    rule for group in read_yaml(CHART / "rules.yaml")["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"]: rule for rule in RULES if "record" in rule}
SYSTEM = SystemOut(
    system="webhook:1",
    client_id="crm",
    party="brand/news",
    lag_events=0,
    lag_s=0,
    last_success=None,
    failures=0,
    failing_since=None,
    dead_letters=0,
    disabled=None,
    unconfirmed_withdrawals=0,
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """By the name of a sample: its labels, as a web process and a worker tell them."""
    keys = tmp_path_factory.mktemp("keys")
    generate(keys, now=from_seconds(1), randomness=secrets.token_bytes)
    return asyncio.run(tell(keys))


async def tell(keys: Path) -> dict[str, set[str]]:
    opened = open_context(Settings(database_url="postgresql+asyncpg://u@h/d", keys_dir=keys))
    context, stream = opened.context, RevocationStream(most=1)
    requests = Timings("route", "method", "status")
    requests.of(("/v1/verify", "POST", "200")).add(0.001)
    watch = RevocationWatch(context, stream)
    web = WebMetrics(
        context,
        watch=watch,
        memory=Memory(context, watch),
        changes=ChangeWatch(context.database, most=1),
        stream=stream,
        requests=requests,
    )
    rounds = Rounds()
    rounds.note("reaper", done=1, took_s=0.1)
    rounds.halted["ledger sequencer"] = 0
    worker = WorkerMetrics(rounds)
    worker.systems = (SYSTEM,)
    worker.queues = (Depth(name="outbox", waiting=1, oldest_s=1),)
    found = labels_of([*web(), *worker()])
    await opened.close()
    # Told only once somebody was asked something.
    return {"consentid_catalogue_version": set(), **found}


def labels_of(families: Iterable[Metric]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(expression: str) -> list[VectorSelector]:
    """Every series that an expression reads.  Raises where it is no PromQL."""
    found: list[VectorSelector] = []

    def note(each: Expr) -> None:
        if isinstance(each, VectorSelector):
            found.append(each)

    promql_parser.walk(promql_parser.parse(expression), note)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_reads_what_is_told_of_this_release_alone(
    rule: dict[str, Any], told: dict[str, set[str]]
) -> None:
    read = selectors(rule["expr"])
    assert read
    for each in read:
        assert each.name is not None
        matchers = {matcher.name: matcher for matcher in each.matchers.matchers}
        for name, value in OURS.items():
            assert matchers[name].value == value
            assert matchers[name].op == MatchOp.Equal
        if each.name in RECORDS:
            assert matchers.keys() == OURS.keys()
        else:
            assert matchers.keys() <= told[each.name] | OURS.keys()
        if "le" in matchers:
            assert matchers["le"].value in map(str, BOUNDS_S)


def test_what_is_read_of_routes_queues_and_roles_are_words_of_ours() -> None:
    text = (CHART / "rules.yaml").read_text()
    (routes,) = {each for each in re.findall(r'route=~"([^"]+)"', text) if "introspect" in each}
    handlers = (post_verify, post_verify_batch, get_verify_forward, post_introspect)
    paths = {path for handler in handlers for path in handler.paths}
    assert len(paths) == 4
    assert all(re.fullmatch(routes, path) for path in paths)
    look = str(queues._LOOK)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001  its names
    assert all(f"'{each}'" in look for each in re.findall(r'queue="(\w+)"', text))
    sources = "".join(
        each.read_text() for each in (CHART.parents[1] / "src/consentid/worker").glob("*.py")
    )
    (roles,) = re.findall(r'worker_role!~"([^"]+)"', text)
    assert all(f'"{each}"' in sources for each in roles.split("|"))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do(name: str, told: dict[str, set[str]]) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["for"] in {"0m", "1m", "2m", "5m", "10m", "15m", "1h"}
    assert len(alert["annotations"]["runbook"]) > 60
    assert alert["annotations"]["summary"].endswith(".")
    known = {label for labels in told.values() for label in labels} | ADDED
    shown = re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))
    assert known.issuperset(shown)


def test_the_objectives_are_those_that_we_promise() -> None:
    fast = ALERTS["ConsentidVerificationFailing"]["expr"]
    assert "14.4 * 0.0005" in fast  # 99.95 %
    assert 'le="0.05"' in RECORDS["consentid:verify_slow:ratio_5m"]["expr"]  # 50 ms
    assert "14.4 * 0.01" in ALERTS["ConsentidVerificationSlow"]["expr"]  # p99
    assert RECORDS["consentid:withdrawals_late"]["expr"].endswith("> bool 2")
