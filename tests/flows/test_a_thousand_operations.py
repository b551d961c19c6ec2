"""Ten clients, two web nodes, a thousand random acts; then everything is counted again.

What the clients were told is held against an independent reading of the rule (``core/oracle.py``),
over the full history and not over the projection.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from tests.core.oracle import answer as oracle
from tests.flows.conftest import Founded
from tests.flows.town import (
    BRAND,
    GRANTED,
    GROUP,
    PARTNER,
    REFUSED,
    Town,
    open_node,
    together,
)

from consentid.brandbook.book import Book
from consentid.core.catalogue import offered
from consentid.core.decision import Decision, Outcome, SignalSource, SubjectId
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import is_within
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.authenticate import Caller
from consentid.flows.publish_status_lists import publish_status_lists, show_status_list
from consentid.flows.record_decision import DecisionOut
from consentid.flows.show_state import public_decision_id, show_state
from consentid.flows.verify_token import verify_token
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant
from consentid.tokens import status
from consentid.tokens.consent import ConsentClaims

OPERATIONS: Final = 1_000
CLIENTS: Final = 10
YES, NO = {"given", "permitted"}, {"refused", "withdrawn", "objected"}
VERIFIERS: Final = {
    "news-web": "news-web",
    "shop-web": "shop-web",
    "play-web": "play-web",
    "reach-forms": "reach-api",
}


@dataclass(slots=True, kw_only=True)
class Told:
    """One token, and with what decision it came; None where it came with a sign-in."""

    caller: Caller
    token: str
    decision: str | None
    claims: ConsentClaims


@dataclass(slots=True)
class Ledger:
    """All that clients were told."""

    tokens: list[Told] = field(default_factory=list)
    acknowledged: list[tuple[Caller, DecisionOut]] = field(default_factory=list)
    consistency: dict[tuple[SubjectId | None, Party], str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Crowd:
    """The subjects, as callers at every client, and the people's devices."""

    callers: list[Caller]
    credentials: list[str]
    people: Mapping[str, bool]
    """By the portal's name: whether the portal says that it is an adult."""


async def gather_crowd(town: Town) -> Crowd:
    credentials = [await town.new_device() for _ in range(8)]
    callers = [
        await town.on_device(credential, client)
        for credential in credentials
        for client in VERIFIERS
    ]
    people = {"ada": True, "grace": False, "mary": True, "edith": False}
    for name, adult in people.items():
        callers += [
            (await town.sign_in(name, client, adult=adult))[0]
            for client in ("news-web", "shop-web", "play-web")
        ]
    return Crowd(callers=callers, credentials=credentials, people=people)


class Client:
    """One of the ten."""

    def __init__(self, town: Town, book: Book, crowd: Crowd, ledger: Ledger, seed: int) -> None:
        self.town: Town = town
        self.book: Book = book
        self.crowd: Crowd = crowd
        self.ledger: Ledger = ledger
        self.draw: random.Random = random.Random(seed)  # noqa: S311 a test's dice

    async def act(self) -> None:
        acts = {
            self.decide: 50,
            self.withdraw: 14,
            self.sign_in: 10,
            self.look: 14,
            self.verify: 10,
            self.publish: 2,
        }
        (act,) = self.draw.choices(list(acts), list(acts.values()))
        try:
            await act(self.draw.choice(self.crowd.callers))
        except MalformedError as error:
            # A yes where nothing is offered, to a minor for example: refused, and not recorded.
            assert error.code == "purpose_not_offered", error  # noqa: PT017 others are failures
            self.ledger.done["refused"] += 1
        else:
            self.ledger.done[act.__name__] += 1

    async def decide(self, caller: Caller) -> None:
        notice = self.book.find_notice(caller.client.party.slug, "en")
        assert notice is not None
        asked = sorted(notice.asks)
        chosen = self.draw.sample(asked, min(len(asked), self.draw.randint(1, 6)))
        outcomes: dict[str, Outcome] = {}
        for purpose in sorted(chosen, key=len):
            above = [outcomes[each] for each in outcomes if is_within(purpose, each)]  # pyright: ignore[reportArgumentType] plain text
            drawn = self.draw.choice((GRANTED, GRANTED, REFUSED))
            outcomes[purpose] = REFUSED if REFUSED in above else drawn
        reach = BRAND if caller.client.party.kind is PartyKind.BRAND else PARTNER
        only_no = set(outcomes.values()) == {REFUSED}
        if (caller.client.collects_for_group or only_no) and self.draw.random() < 0.7:
            reach = GROUP
        signals = {SignalSource.GPC: self.draw.random() < 0.5} if self.draw.random() < 0.1 else {}
        told = await self.town.decide(
            caller, outcomes, reach, signals=signals, told=self.draw.random() < 0.3
        )
        self.note(caller, told)

    async def withdraw(self, caller: Caller) -> None:
        own = BRAND if caller.client.party.kind is PartyKind.BRAND else PARTNER
        purposes = self.draw.choice([(), ("ads",), ("content", "ads.partners"), ("audience",)])
        told = await self.town.withdraw(caller, *purposes, reach=self.draw.choice((GROUP, own)))
        self.note(caller, told)

    async def sign_in(self, _: Caller) -> None:
        name = self.draw.choice(list(self.crowd.people))
        client = self.draw.choice(("news-web", "shop-web", "play-web"))
        credential = self.draw.choice(self.crowd.credentials)
        caller, answer = await self.town.sign_in(
            name, client, credential, adult=self.crowd.people[name]
        )
        self.crowd.callers.append(caller)
        self.keep(caller, answer.body["consent_token"], None)

    async def look(self, caller: Caller) -> None:
        known = self.ledger.consistency.get((caller.subject, caller.client.party))
        await show_state(self.town.context, caller, at_least=known)

    async def verify(self, _: Caller) -> None:
        if self.ledger.tokens:
            await is_active(self.town, self.draw.choice(self.ledger.tokens))

    async def publish(self, _: Caller) -> None:
        await publish_status_lists(self.town.context)

    def note(self, caller: Caller, told: DecisionOut) -> None:
        self.ledger.acknowledged.append((caller, told))
        self.ledger.consistency[caller.subject, caller.client.party] = told.consistency
        assert told.consent_token is not None
        self.keep(caller, told.consent_token, told.decision)

    def keep(self, caller: Caller, token: str, decision: str | None) -> None:
        audience = self.book.catalogue.parties[caller.client.party].audience
        claims = self.town.claims(token, audience)
        self.ledger.tokens.append(
            Told(caller=caller, token=token, decision=decision, claims=claims)
        )


async def is_active(town: Town, told: Told) -> bool:
    verifier = await town.client(VERIFIERS[told.caller.client.client_id])
    found = await verify_token(
        town.context, verifier, told.token, audience=None, purposes=(), at_least=None
    )
    return found.active


def says(
    book: Book,
    history: Sequence[Decision],
    party: Party,
    at: Instant,
    *,
    adult: bool,
) -> tuple[set[str], set[str]]:
    """Yes and no, by the oracle."""
    found = {
        purpose: oracle(history, book.catalogue, party, purpose, at, adult=adult)[0]
        for purpose in offered(book.catalogue, party)
    }
    return (
        {purpose for purpose, state in found.items() if state in YES},
        {purpose for purpose, state in found.items() if state in NO},
    )


async def test_a_thousand_operations_of_ten_clients_leave_what_the_rule_says(
    town: Town, town_urls: DatabaseUrls, founded: Founded
) -> None:
    node = open_node(town_urls, founded.keys)
    towns = (town, replace(town, context=node.context, callers={}))
    book = await town.book()
    ledger = Ledger()
    crowd = await gather_crowd(town)
    clients = [
        Client(towns[number % 2], book, crowd, ledger, seed=number) for number in range(CLIENTS)
    ]
    left = iter(range(OPERATIONS))

    async def work(client: Client) -> None:
        for _ in left:
            await client.act()

    await together(*map(work, clients))
    assert ledger.done.total() == OPERATIONS
    assert ledger.done["decide"] > OPERATIONS // 4, ledger.done
    await publish_status_lists(town.context)

    histories = {caller.subject: await town.history(caller.subject) for caller in crowd.callers}
    adults = await find_adults(town)
    assert await town.faults() == []
    await check_states(town, book, crowd, histories, adults)
    check_acknowledged(town, ledger, histories)
    check_tokens(town, book, ledger, histories, adults)
    check_unlinkable(ledger)
    await check_ended(town, book, ledger, histories, adults)
    await node.close()


async def find_adults(town: Town) -> set[SubjectId]:
    return {
        SubjectId(subject)
        for (subject,) in await town.rows("SELECT subject_id FROM known_subjects WHERE adult")
    }


async def check_states(
    town: Town,
    book: Book,
    crowd: Crowd,
    histories: Mapping[SubjectId | None, Sequence[Decision]],
    adults: set[SubjectId],
) -> None:
    """Every subject, party and purpose: what the flow shows is what the rule says."""
    at_each = {caller.client.party: caller for caller in crowd.callers}
    assert len(at_each) == 4
    now = Instant(int(time.time() * 1_000_000))
    for subject, history in histories.items():
        for party, caller in at_each.items():
            asking = replace(caller, subject=subject, device=None)
            shown = await show_state(town.context, asking, at_least=None)
            for each in shown.purposes:
                state, rests_on = oracle(
                    history, book.catalogue, party, each.purpose, now, adult=subject in adults
                )
                assert each.state == state, (party, each)
                if state == "given":
                    decision = next(d for d in history if d.id == rests_on)
                    assert each.rests_on == public_decision_id(town.context, party, decision.id)
            await asyncio.sleep(0)


def check_acknowledged(
    town: Town, ledger: Ledger, histories: Mapping[SubjectId | None, Sequence[Decision]]
) -> None:
    """What was acknowledged is there, once; nothing else is but what came with it."""
    told = 0
    for caller, answered in ledger.acknowledged:
        party = caller.client.party
        ids = [
            public_decision_id(town.context, party, decision.id)
            for decision in histories[caller.subject]
        ]
        assert ids.count(answered.decision) == 1
        told += 1
    recorded = [decision for history in histories.values() for decision in history]
    own = [d for d in recorded if d.signal is None and d.adopted_from is None]
    acts = {(decision.subject, decision.recorded_at) for decision in own}
    assert len(acts) == told  # lifts are recorded in the act that makes them
    for history in histories.values():
        moments = [d.recorded_at for d in history]
        assert moments == sorted(moments)


def check_tokens(
    town: Town,
    book: Book,
    ledger: Ledger,
    histories: Mapping[SubjectId | None, Sequence[Decision]],
    adults: set[SubjectId],
) -> None:
    """A token that came with a decision says what held when that decision had been made."""
    rows: defaultdict[tuple[SubjectId | None, str], list[tuple[Instant, Told]]] = defaultdict(list)
    for told in ledger.tokens:
        if told.decision is None or told.caller.device is not None:
            continue  # a device beneath may hold back more than the account
        subject, party = told.caller.subject, told.caller.client.party
        decision = next(
            each
            for each in histories[subject]
            if public_decision_id(town.context, party, each.id) == told.decision
        )
        until = [d for d in histories[subject] if d.recorded_at <= decision.recorded_at]
        yes, no = says(book, until, party, decision.recorded_at, adult=subject in adults)
        assert (set(told.claims.consent.g), set(told.claims.consent.d)) == (yes, no)
        rows[subject, told.claims.aud].append((decision.recorded_at, told))
    for history in rows.values():
        history.sort(key=lambda row: row[0])
        for (_, one), (_, other) in pairwise(history):
            before, after = one.claims.consent, other.claims.consent
            assert after.rev >= before.rev
            assert (after.rev == before.rev) <= ((after.g, after.d) == (before.g, before.d))
            if not set(before.g) <= set(after.g):
                assert one.claims.status != other.claims.status


def check_unlinkable(ledger: Ledger) -> None:
    """Neither ``sub`` nor a decision's id nor a place in a list joins two sectors."""
    sectors: defaultdict[str, set[str]] = defaultdict(set)
    holders: defaultdict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    for told in ledger.tokens:
        sectors[told.claims.sub].add(told.claims.aud)
        place = told.claims.status.status_list
        holders[place.uri, place.idx].add((told.claims.sub, told.claims.aud))
    assert all(len(audiences) == 1 for audiences in sectors.values())
    assert all(len(held) == 1 for held in holders.values())
    ids = [answered.decision for _, answered in ledger.acknowledged]
    assert len(set(ids)) == len(ids)


async def check_ended(
    town: Town,
    book: Book,
    ledger: Ledger,
    histories: Mapping[SubjectId | None, Sequence[Decision]],
    adults: set[SubjectId],
) -> None:
    """A token that says more than holds has ended, online and in its list."""
    published = await show_status_list(town.context, 1)
    assert published is not None
    now = Instant(int(time.time() * 1_000_000))
    found = status.verify_list(
        published.token,
        keys=town.context.keyring.verifying_keys(),
        uri="http://consent.localhost:7600/statuslists/1",
        now_s=now / 1_000_000,
    )
    assert isinstance(found, status.VerifiedList)
    holding = {
        (subject, party): says(book, history, party, now, adult=subject in adults)[0]
        for subject, history in histories.items()
        for party in book.catalogue.parties
    }
    outcomes: Counter[bool] = Counter()
    for told in ledger.tokens:
        holds = holding[told.caller.subject, told.caller.client.party]
        is_set = found.is_set(told.claims.status.status_list.idx)
        if not set(told.claims.consent.g) <= holds:
            assert is_set
        outcomes[is_set] += 1
    for told in ledger.tokens[::4]:
        is_set = found.is_set(told.claims.status.status_list.idx)
        assert await is_active(town, told) is not is_set
    assert min(outcomes[True], outcomes[False]) > 20
