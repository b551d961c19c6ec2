"""Steps 1 to 4: consent is given once, holds at the other brands, and each brand narrows it."""

from typing import Final

from consentid.core import purpose as purposes
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.demo import halcyon
from consentid.demo.hub_answers import Catalogue, PurposeState
from consentid.demo.tour_report import StepReport, unverified_parts
from consentid.demo.tour_scene import Scene

CUSTOMER: Final = "mila"
OTHERS: Final = ("shop", "play")


def consents_for_the_group(scene: Scene, step: StepReport) -> str:
    """A customer of news says yes to everything that news may ask for the whole group."""
    news = scene.back_end("news")
    access = scene.access(CUSTOMER, "news")
    before = news.state(access)
    step.note("state before", {one.purpose: one.state for one in before.purposes})
    step.expect(
        all(one.state != "given" for one in before.purposes),
        "nothing is given before somebody chose",
        permitted=sorted(before.permitted),
    )
    shown = news.catalogue("news", "en")
    choices = group_choices(shown)
    step.note("notice shown", {"title": shown.text.get("title"), "notice": shown.notice})
    recorded = news.decide(access, shown, choices, reach="group")
    step.note("receipt", recorded.receipt)
    given = scene.given = frozenset(choices) - recorded.waiting
    step.expect(
        all(recorded.of(one) == "given" for one in given),
        "every purpose chosen is given, but for what waits for its link",
        states={one: recorded.of(one) for one in choices},
    )
    step.note("waits for its link", sorted(recorded.waiting))
    step.expect(
        given == news.state(access, at_least=recorded.consistency).permitted & choices.keys(),
        "the hub's state agrees with its answer",
    )
    issued = scene.consent_token(CUSTOMER, "news")
    scene.tokens["news"] = issued.access_token
    header, claims = unverified_parts(issued.access_token)
    step.note("consent token", {"header": header, "claims": claims})
    step.expect(
        given == frozenset(claims["consent"]["g"]) & choices.keys(),
        "the token grants what was given",
        granted=claims["consent"]["g"],
    )
    verdict = news.verify(issued.access_token)
    step.expect(verdict.active, "the token is active")
    return (
        f"Mila says yes to {len(choices)} purposes at Halcyon News, for the whole group:"
        f" decision {recorded.decision}, a signed token of {len(issued.access_token)} bytes"
    )


def holds_at_the_others(scene: Scene, step: StepReport) -> str:
    """Shop and play get tokens for the same person without asking, each with its own overrides."""
    _, news = unverified_parts(scene.tokens["news"])
    given = scene.given
    subs = {"news": news["sub"]}
    lines: list[str] = []
    for brand in OTHERS:
        issued = scene.consent_token(CUSTOMER, brand)
        scene.tokens[brand] = issued.access_token
        _, claims = unverified_parts(issued.access_token)
        step.note(f"consent token at {brand}", claims)
        subs[brand] = claims["sub"]
        granted = set(claims["consent"]["g"])
        step.expect(claims["aud"] == scene.audience_of(brand), "the audience is the brand's")
        narrowed = narrowed_at(scene, brand) & given
        step.expect(
            granted & given == set(given) - narrowed,
            f"{brand} has what news was given, less what its own files take away",
            granted=sorted(granted),
            narrowed=sorted(narrowed),
        )
        step.expect(bool(narrowed), f"{brand} narrows something")
        step.expect(scene.back_end(brand).verify(issued.access_token).active, "it is active")
        lines.append(f"{brand} {len(granted & given)} (its rules take away {len(narrowed)})")
    step.note("one person, three names", subs)
    step.expect(len(set(subs.values())) == len(subs), "no two brands share a sub", subs=subs)
    return (
        f"Without a banner, of the {len(given)} given: {', '.join(lines)};"
        f" Mila's sub is {len(subs)} different ones"
    )


def leaves_only_the_missing(scene: Scene, step: StepReport) -> str:
    """Play asks only for what nobody was asked yet."""
    play = scene.back_end("play")
    state = play.state(scene.access(CUSTOMER, "play"))
    shown = play.catalogue("play", "en")
    _, claims = unverified_parts(scene.tokens["play"])
    offered = {one.id for one in shown.purposes if one.basis == LegalBasis.CONSENT}
    missing = offered - set(claims["consent"]["g"]) - state.waiting
    may_ask = set(state.ask)
    step.note("state at play", {one.purpose: one.state for one in state.purposes})
    step.note("may be asked", sorted(may_ask))
    step.expect(
        may_ask == missing,
        "what may be asked is what play offers and nobody answered",
        may_ask=sorted(may_ask),
        missing=sorted(missing),
    )
    step.expect(
        0 < len(missing) < len(offered), "some, and not all", missing=len(missing), of=len(offered)
    )
    names = {one.id: one.name for one in shown.purposes}
    return (
        f"At Halcyon Play {len(missing)} of {len(offered)} purposes remain to be asked:"
        f" {', '.join(sorted(names[one] for one in missing))}"
    )


def keeps_a_brand_refusal(scene: Scene, step: StepReport) -> str:
    """A no at shop alone survives a later yes for the whole group."""
    shop, news = scene.back_end("shop"), scene.back_end("news")
    at_shop, at_news = scene.access(CUSTOMER, "shop"), scene.access(CUSTOMER, "news")
    shown = shop.catalogue("shop", "en")
    _, claims = unverified_parts(scene.tokens["shop"])
    refused = _leaf(shown, claims["consent"]["g"])
    name = next(one.name for one in shown.purposes if one.id == refused)
    no = shop.decide(at_shop, shown, {refused: False}, reach="brand")
    step.note("after the no at shop", {refused: no.of(refused)})
    step.expect(not _permits(no.state, refused), "shop is told no", state=no.of(refused))
    superseded = shop.verify(scene.tokens["shop"], at_least=no.consistency)
    step.expect(not superseded.active, "the token that said yes is no longer active")
    again = news.catalogue("news", "en")
    yes = news.decide(at_news, again, group_choices(again), reach="group")
    step.note("after the later yes for the group, at news", {refused: yes.of(refused)})
    state = shop.state(at_shop)
    step.note("after the later yes for the group, at shop", {refused: state.of(refused)})
    step.expect(refused not in state.permitted, "shop's no stands", state=state.of(refused))
    play = scene.back_end("play").state(scene.access(CUSTOMER, "play"))
    others = [
        brand for brand, seen in (("news", yes), ("play", play)) if seen.of(refused) == "given"
    ]
    step.expect("news" in others, "news has its yes", news=yes.of(refused))
    scene.tokens["shop"] = scene.consent_token(CUSTOMER, "shop").access_token
    _, renewed = unverified_parts(scene.tokens["shop"])
    step.note("shop's renewed token", renewed["consent"])
    step.expect(refused not in renewed["consent"]["g"], "shop's new token does not grant it")
    scene.tokens["news"] = scene.consent_token(CUSTOMER, "news").access_token
    scene.tokens["play"] = scene.consent_token(CUSTOMER, "play").access_token
    return (
        f"Mila says no to \N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
        f" at the shop, then yes for the group: given at {' and '.join(others)},"
        f" still {state.of(refused)} at the shop"
    )


def group_choices(shown: Catalogue) -> dict[str, bool]:
    """A yes to everything that a notice asks consent for and that is not the brand's own."""
    return {
        one.id: True
        for one in shown.purposes
        if one.basis == LegalBasis.CONSENT and purposes.brand_of(PurposeId(one.id)) is None
    }


def narrowed_at(scene: Scene, brand: str) -> set[str]:
    """The purposes that a brand's own file switches off or keeps for an answer of its own."""
    overrides = scene.book.catalogue.parties[halcyon.profile_of(scene.book, brand).party].overrides
    return {
        one
        for one in scene.book.catalogue.purposes
        if any(
            purposes.is_within(one, at) and (rule.off or rule.own) for at, rule in overrides.items()
        )
    }


def _leaf(shown: Catalogue, granted: list[str]) -> str:
    """A granted purpose without descendants: a no to it touches nothing else."""
    parents = {one.parent for one in shown.purposes}
    return next(
        one.id
        for one in shown.purposes
        if one.id in granted and one.id not in parents and one.basis == LegalBasis.CONSENT
    )


def _permits(state: list[PurposeState], purpose: str) -> bool:
    return any(one.purpose == purpose and one.permitted for one in state)
