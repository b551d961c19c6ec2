"""Views for tests, made from the Halcyon group as it is in the repository."""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from consentid.brandbook.book import Book
from consentid.brandbook.folder import load
from consentid.core.capture import CaptureState, EvidenceKind
from consentid.core.decision import Channel, Outcome
from consentid.core.party import Party, PartyKind, ReachKind, Slug
from consentid.core.purpose import LegalBasis, lineage
from consentid.flows.link_scene import Keeper
from consentid.verify.receipts import Check, Subject
from consentid.verify.receipts import Outcome as Outcomes
from consentid.web.pages.approvals import ApprovalItem, ApprovalsView
from consentid.web.pages.captures import CaptureItem, CapturesView
from consentid.web.pages.consent import (
    AnsweredPurpose,
    AskedPurpose,
    ConsentView,
    Differing,
    Interest,
    Mistake,
    ReachedParty,
    SharingRequest,
    Spoken,
    Why,
    WhyAsked,
)
from consentid.web.pages.consent_purposes import in_families
from consentid.web.pages.device import CodeMistake, DeviceCodeView, DeviceConfirmView
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.home_pages import home_view
from consentid.web.pages.link import LinkLanguage, LinkPurpose, LinkSignInView, LinkView
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.preferences import Centre, Tab, TabLink
from consentid.web.pages.preferences_lists import DecisionItem
from consentid.web.pages.receipt import CheckedReceipt, ReceiptMistake, VerifyReceiptView
from consentid.web.pages.rendering import View
from consentid.web.pages.sign_out import SignOutView

_UNTIL = date(2027, 6, 1)
_MEMORY_DAYS = 184


@cache
def halcyon() -> Book:
    return load(Path(__file__).parents[3] / "brands").book


def frame(slug: str | None, language: str, kind: PartyKind = PartyKind.BRAND) -> Frame:
    profile = None if slug is None else halcyon().find_profile(Party(kind=kind, slug=Slug(slug)))
    return frame_of(halcyon(), profile, language, path="/interaction/x")


def consent(
    slug: str = "news",
    language: str = "en",
    kind: PartyKind = PartyKind.BRAND,
    **changed: Any,
) -> ConsentView:
    """The page of somebody who never answered anything."""
    notice = halcyon().notices[slug, language]
    entries = [entry for entry in notice.entries if entry.basis is LegalBasis.CONSENT]
    shown = {entry.id: entry for entry in in_families(entries)}
    above = {id_: [each for each in lineage(id_)[1:] if each in shown] for id_ in shown}
    view = ConsentView(
        frame=frame(slug, language, kind),
        action="/interaction/x?lang=en",
        form_token="token",
        served="served",
        reach=ReachKind.GROUP if len(notice.reaches) > 1 else ReachKind(kind),
        texts=notice.texts,
        reached=tuple(ReachedParty(name=one.name, entity=one.entity) for one in notice.reaches),
        asked=tuple(
            AskedPurpose(
                id=id_,
                name=entry.name,
                description=entry.description,
                depth=len(above[id_]),
                part_of=shown[above[id_][0]].name if above[id_] else None,
                topics=tuple(topic.name for topic in entry.topics),
                is_mandatory=not id_.startswith("contact"),
                until=_UNTIL,
            )
            for id_, entry in shown.items()
        ),
        memory_days=_MEMORY_DAYS,
        interests=tuple(
            Interest(
                id=entry.id,
                name=entry.name,
                description=entry.description,
                is_objected=False,
                ticked=False,
            )
            for entry in notice.entries
            if entry.basis is LegalBasis.LEGITIMATE_INTEREST
        ),
        other_reach_path="/interaction/x?reach=brand" if len(notice.reaches) > 1 else None,
        sign_in_path="/interaction/x/sign-in",
    )
    return replace(view, **changed)


def told(language: str) -> ConsentView:
    """The page of somebody with something to be told."""
    view = consent("news", language)
    return replace(
        view,
        asked=(
            replace(view.asked[0], chosen=Outcome.REFUSED),
            replace(view.asked[1], chosen=Outcome.GRANTED),
            *view.asked[2:4],
        ),
        mistakes={
            view.asked[1].id: Mistake.UNDER_REFUSED,
            view.asked[2].id: Mistake.MISSING,
        },
        answered=(
            AnsweredPurpose(name="Answered yes", is_yes=True),
            AnsweredPurpose(name="Answered no", is_yes=False),
        ),
        honoured=("Personalised ads",),
        differing=(
            Differing(purposes=("One",), party="News", account_says_yes=True, counts_yes=True),
            Differing(
                purposes=("Two", "Three"), party="News", account_says_yes=False, counts_yes=False
            ),
        ),
        is_signed_in=True,
        sign_in_path=None,
        can_withdraw=True,
    )


def sharing(language: str) -> ConsentView:
    """The page of a partner that asks for its own use."""
    return consent(
        "reach",
        language,
        PartyKind.PARTNER,
        sharing=SharingRequest(
            partner="Reach Media",
            entity="Reach Media GmbH",
            address="17 Weitblickstraße, 10117 Berlin",
            contact="privacy@reach-media.example",
            for_whom=None,
            until=_UNTIL,
        ),
    )


def asking_for_a_brand(language: str) -> ConsentView:
    """The page of a partner that asks on behalf of a brand."""
    return consent(
        "shop",
        language,
        sharing=SharingRequest(
            partner="Bazaar Lumen",
            entity="Bazaar Lumen BV",
            address="40 Lampionkade, 3011 Rotterdam",
            contact="privacy@bazaar-lumen.example",
            for_whom="Halcyon Market",
            for_entity="Halcyon Market SARL",
            until=_UNTIL,
        ),
    )


def delta(language: str) -> ConsentView:
    """The page of somebody who is asked for what is missing, each for a reason of its own."""
    view = consent("news", language)
    return replace(
        view,
        asked=(
            view.asked[0],
            replace(view.asked[1], until=date(2026, 12, 1)),
            *(replace(one, depth=0, part_of=None) for one in view.asked[5:7]),
        ),
        reasons=(
            WhyAsked(why=Why.EXPIRED, day=date(2026, 5, 3), names=(view.asked[0].name,)),
            WhyAsked(why=Why.CHANGED, day=date(2026, 2, 1), names=(view.asked[1].name,)),
            WhyAsked(
                why=Why.NEW_PURPOSE, day=None, names=tuple(one.name for one in view.asked[5:7])
            ),
        ),
        answered=tuple(
            AnsweredPurpose(name=one.name, is_yes=place % 2 == 0)
            for place, one in enumerate(view.asked[7:])
        ),
        interests=(),
        is_signed_in=True,
        sign_in_path=None,
        can_withdraw=True,
        show_all_path="/interaction/x?show=all",
    )


def again(language: str) -> ConsentView:
    """The page of somebody who is shown what they answered."""
    view = consent("shop", language)
    return replace(
        view,
        asked=tuple(
            replace(one, chosen=Outcome.GRANTED if place % 2 else Outcome.REFUSED)
            for place, one in enumerate(view.asked[:4])
        ),
        reasons=(
            WhyAsked(
                why=Why.SHOWN_AGAIN,
                day=None,
                names=tuple(one.name for one in view.asked[:4]),
            ),
        ),
        can_go_on=True,
        back_path="/interaction/x",
    )


def new_here(language: str) -> ConsentView:
    """The page of somebody who signed in on a device for the first time, and misses nothing."""
    view = consent("play", language)
    return replace(
        view,
        asked=(),
        interests=(),
        is_new_here=True,
        is_signed_in=True,
        sign_in_path=None,
        can_go_on=True,
        can_withdraw=True,
        show_all_path="/interaction/x?show=all",
        answered=tuple(
            AnsweredPurpose(name=one.name, is_yes=place % 3 == 0)
            for place, one in enumerate(view.asked)
        ),
    )


def every_reason(language: str) -> ConsentView:
    """A page with each reason there is, and what was adopted."""
    view = delta(language)
    return replace(
        view,
        has_adopted=True,
        reasons=tuple(
            WhyAsked(why=each, day=date(2026, 5, 3), names=(view.asked[0].name,)) for each in Why
        ),
    )


def approvals(language: str) -> ApprovalsView:
    """What waits for somebody: a brand's question, and a partner's on behalf of another."""
    brand = ApprovalItem(
        name="1a",
        asker="Halcyon News",
        entity="Halcyon News SAS",
        for_whom=None,
        for_entity="Halcyon News SAS",
        is_partner=False,
        purposes=(),
        until=None,
        message="Lion 42",
        is_captured=False,
        minutes=9,
    )
    partner = replace(
        brand,
        name="2b",
        asker="Bazaar Lumen",
        entity="Bazaar Lumen BV",
        for_whom="Halcyon Market",
        for_entity="Halcyon Market SARL",
        is_partner=True,
        purposes=("Market Circle", "Offers for members"),
        until=_UNTIL,
        message="W" * 64,
        is_captured=True,
    )
    return ApprovalsView(
        frame=frame(None, language),
        action="/approvals?lang=en",
        form_token="token",
        items=(brand, partner),
        is_signed_in=True,
        sign_in_path=None,
        again_path="/approvals?lang=en",
    )


def checked_receipt() -> CheckedReceipt:
    """A receipt with every check, and every way that one can go."""
    outcomes = (*Outcomes, *Outcomes)
    return CheckedReceipt(
        verdict=Outcomes.HOLDS,
        checks=tuple(
            Check(
                subject=subject, outcome=outcome, detail="at index 2 among the 5 entries of a log"
            )
            for subject, outcome in zip(Subject, outcomes, strict=True)
        ),
        entry=DecisionItem(
            on=date(2026, 6, 1),
            at="12:00",
            where=None,
            asked_by=None,
            words_of=None,
            channel=Channel.WEB,
            yes=("Personalised ads",),
            no=("Content for you",),
            is_everything=False,
            reach=None,
            named=("Halcyon News", "Halcyon Market"),
            marks=(),
            href="/",
            receipt_href="/",
        ),
        controllers=("Halcyon News SAS",),
    )


def captures(language: str) -> CapturesView:
    """One capture in each state, and of each kind of evidence."""
    kinds = list(EvidenceKind)
    return CapturesView(
        centre=Centre(
            frame=frame(None, language),
            tabs=tuple(
                TabLink(tab=tab, href="/preferences", is_current=tab is Tab.CAPTURES) for tab in Tab
            ),
            support_path="/preferences/support",
            form_token="token",
            is_signed_in=True,
            is_known=True,
            sign_in_path=None,
            sign_out_action="/preferences/sign-out",
            download_path="/preferences/data",
            data_path="/preferences/everything",
            back=None,
        ),
        action="/preferences/captures",
        entries=tuple(
            CaptureItem(
                reference=f"0000{place}",
                on=date(2026, 11, 1),
                keyed_in_on=date(2026, 11, 1 + place % 2),
                at="14:05",
                by="Reach Media",
                asked="Halcyon News",
                channel=Channel.PHONE,
                evidence=kinds[place % len(kinds)],
                version="v3",
                state=state,
                yes=("Phone calls", "Content for you"),
                no=("Counting visits",),
                waits=("Content for you",),
                counts=True,
                is_of_revoked_device=state is CaptureState.PENDING,
                until=_UNTIL,
                notice_href="/preferences/notices/news",
            )
            for place, state in enumerate(CaptureState)
        ),
        older="/preferences/captures?before=x",
        newest=None,
    )


def link(language: str) -> LinkView:
    """The page of a link that somebody was sent."""
    notice = halcyon().notices["shop", language]
    return LinkView(
        frame=replace(frame("shop", language), languages=()),
        action="/link/answer",
        kept=(("form_token", "token"), ("link", "sealed")),
        languages=(
            LinkLanguage(
                tag="fr" if language == "en" else "en",
                name="Français" if language == "en" else "English",
                action="/link?lang=fr",
            ),
        ),
        texts=notice.texts,
        asker="Bazaar Lumen",
        asker_entity="Bazaar Lumen BV",
        asker_contact="privacy@bazaar-lumen.example",
        for_whom="Halcyon Market",
        for_entity="Halcyon Market SARL",
        is_delegated=True,
        purposes=tuple(
            LinkPurpose(name=entry.name, description=entry.description)
            for entry in notice.entries
            if entry.id in ("contact.email", "ads.personalised")
        ),
        hint="m•••@example.org",
        keeper=Keeper.ADDRESSEE,
        until=_UNTIL,
        memory_days=_MEMORY_DAYS,
        honoured=("Personalised ads",),
    )


def all_views(language: str) -> dict[str, View]:
    """Each page in each of its states."""
    device = frame("play", language)
    return {
        "news": consent("news", language),
        "shop": consent("shop", language),
        "play": consent("play", language),
        "told": told(language),
        "sharing": sharing(language),
        "asking-for-a-brand": asking_for_a_brand(language),
        "telling-a-partner": replace(
            asking_for_a_brand(language),
            asked=(),
            interests=(),
            answered=(AnsweredPurpose(name="Market Circle", is_yes=True),),
        ),
        "telling-an-agent": replace(
            asking_for_a_brand(language),
            asked=(),
            interests=(),
            sharing=None,
            spoken=Spoken(
                message="Lion 42",
                asker="Halcyon Market",
                is_captured=True,
                list_path="/approvals",
            ),
            answered=(AnsweredPurpose(name="Market Circle", is_yes=True),),
        ),
        "approvals": approvals(language),
        "approvals-signed-out": replace(
            approvals(language), items=(), is_signed_in=False, sign_in_path="/approvals/sign-in"
        ),
        "delta": delta(language),
        "again": again(language),
        "new-here": new_here(language),
        "every-reason": every_reason(language),
        "nothing-asked": consent("news", language, asked=(), interests=()),
        "home": home_view(halcyon(), language),
        "captures": captures(language),
        "device-code": DeviceCodeView(
            frame=frame(None, language),
            action="/device",
            form_token="token",
        ),
        "device-code-wrong": DeviceCodeView(
            frame=device,
            action="/device",
            form_token="token",
            entered="BCDF-GHJK",
            mistake=CodeMistake.UNKNOWN,
        ),
        "device-confirm": DeviceConfirmView(
            frame=device,
            action="/device",
            form_token="token",
            brand="Halcyon Play",
            device="a television",
            device_name="Living room",
            code="BCDF-GHJK",
            sign_in_path="/device/sign-in",
        ),
        "link": link(language),
        "link-sign-in": LinkSignInView(
            frame=replace(frame(None, language), languages=()),
            action="/link/sign-in",
            kept=(("form_token", "token"), ("link", "sealed")),
        ),
        "sign-out": SignOutView(
            frame=frame("shop", language),
            action="/logout",
            form_token="token",
        ),
        "receipt": VerifyReceiptView(
            frame=frame(None, language),
            action="/verify-receipt?lang=en",
            checked=checked_receipt(),
            mistake=ReceiptMistake.BOTH,
        ),
        **{
            f"message-{message}": MessageView(
                frame=frame(None, language),
                message=message,
                reference="code",
                minutes=2,
                next_path="/",
            )
            for message in Message
        },
    }
