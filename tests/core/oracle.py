"""The resolution rule once more: naive, from the full history, sharing no code with ``resolution``.

Written from the words of the rule, paragraph by paragraph, without a projection.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.decision import Decision, Outcome
from consentid.core.party import Named, Party, PartyKind


@dataclass(frozen=True)
class Said:
    decision: Decision
    purpose: str

    @property
    def key(self) -> tuple[Party | None, str]:
        return self.decision.reach, self.purpose

    @property
    def early(self) -> int:
        return self.decision.interval.early

    @property
    def late(self) -> int:
        return self.decision.interval.late


def answer(  # noqa: C901, PLR0911, PLR0912 one place, in the order of the page, is the point
    history: Iterable[Decision],
    catalogue: Catalogue,
    asked: Party,
    purpose: str,
    now: int,
    *,
    adult: bool,
) -> tuple[str, UUID | None]:
    """The state's name, and the decision that a yes rests on."""
    # 1. Offered?
    terms = find_terms(catalogue, asked, purpose)  # pyright: ignore[reportArgumentType] plain text
    if terms is None or (terms.adults_only and not adult):
        return "not_offered", None
    if terms.basis not in ("consent", "legitimate_interest"):
        return "not_needed", None

    # 2. Which decisions apply.
    acts = {decision.id: decision for decision in history}.values()
    me = Named(party=asked, entity=catalogue.parties[asked].entity)
    yes: list[Said] = []
    no: list[Said] = []
    for decision in acts:
        for choice in decision.choices:
            above = choice.purpose
            if above not in ("*", purpose) and not purpose.startswith(above + "."):
                continue
            if decision.reach not in (None, asked):
                continue
            if choice.outcome == Outcome.REFUSED:
                no.append(Said(decision, above))
            elif (decision.assurance == "assisted" and not terms.assisted) or (
                decision.assurance != "link" and terms.confirmed
            ):
                continue
            elif decision.notice is not None and me in decision.notice.names:
                by_group = decision.reach is None
                if by_group and (asked.kind != PartyKind.BRAND or terms.own):
                    continue
                yes.append(Said(decision, above))

    # 3. Who speaks, what holds.
    candidates = _newest_grants(yes)
    speaking = [refusal for refusal in _newest_refusals(no) if not _silenced(refusal, candidates)]
    holding = [
        grant
        for grant in candidates
        if all(grant.early > refusal.late for refusal in no)
        and all(_as_specific(grant, refusal) for refusal in speaking)
        and (
            grant.decision.told_of_signal
            or not any(refusal.decision.signal for refusal in speaking)
        )
    ]
    needed = _own(holding) or (holding if speaking else [])
    held = max(needed, key=_grant_age).decision.id if needed else None

    # 5. Legitimate interest.
    if terms.basis == "legitimate_interest":
        return ("objected", None) if speaking and not holding else ("permitted", held)

    # 4. Consent.
    second = 1_000_000
    fresh = [grant for grant in holding if now < grant.early + terms.validity_s * second]
    good = [grant for grant in fresh if grant.decision.catalogue >= terms.revised_in]
    if good:
        return "given", max(_own(good) or good, key=_grant_age).decision.id
    if holding:
        return ("outdated" if fresh else "expired"), None
    if not any(
        now - refusal.late < catalogue.refusal_memory_s * second
        and refusal.decision.catalogue >= terms.revised_in
        for refusal in speaking
    ):
        return "unasked", None
    newest = [
        max((grant for grant in candidates if grant.key == key), key=_grant_age)
        for key in {grant.key for grant in candidates}
    ]
    if any(grant.early <= refusal.late for grant in newest for refusal in speaking):
        return "withdrawn", None
    return "refused", None


def _newest_grants(yes: Sequence[Said]) -> list[Said]:
    """The newest at each key, after being told of a signal and not, keyed in for them and not."""
    slots = {grant: (grant.key, grant.decision.told_of_signal, _is_own(grant)) for grant in yes}
    return [
        max((one for one, its in slots.items() if its == slot), key=_grant_age)
        for slot in set(slots.values())
    ]


def _own(grants: Sequence[Said]) -> list[Said]:
    return [grant for grant in grants if _is_own(grant)]


def _is_own(grant: Said) -> bool:
    return grant.decision.assurance != "assisted"


def _newest_refusals(no: Sequence[Said]) -> list[Said]:
    """The newest at each key, by the person and by each signal."""
    groups = {(refusal.key, refusal.decision.signal) for refusal in no}
    return [
        max((one for one in no if (one.key, one.decision.signal) == group), key=_refusal_age)
        for group in groups
    ]


def _silenced(refusal: Said, grants: Sequence[Said]) -> bool:
    return any(
        _is_own(grant)
        and grant.key == refusal.key
        and grant.early > refusal.late
        and (refusal.decision.signal is None or grant.decision.told_of_signal)
        for grant in grants
    )


def _as_specific(grant: Said, refusal: Said) -> bool:
    by_reach = grant.decision.reach is not None or refusal.decision.reach is None
    by_purpose = refusal.purpose in ("*", grant.purpose) or grant.purpose.startswith(
        refusal.purpose + "."
    )
    return by_reach and by_purpose


def _grant_age(grant: Said) -> tuple[int, int, UUID]:
    return grant.early, grant.decision.catalogue, grant.decision.id


def _refusal_age(refusal: Said) -> tuple[int, int, UUID]:
    return refusal.late, refusal.decision.catalogue, refusal.decision.id
