"""One site of a partner, and what it asks of hub and portal for whoever visits it."""

from dataclasses import dataclass

from consentid.brandbook.book import Profile
from consentid.demo import site_pages
from consentid.demo.hub_answers import State as ConsentState
from consentid.demo.hub_answers import Verdict
from consentid.demo.hub_client import (
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    HubClient,
    HubRefusalError,
    SubjectToken,
)
from consentid.demo.site_visit import Visit, Visits
from consentid.demo.site_words import WORDS
from consentid.demo.tour_report import unverified_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site, and how it reaches hub and portal."""

    profile: Profile
    origin: str
    hub: HubClient
    checker: HubClient
    """The client that may verify."""
    visits: Visits

    @property
    def slug(self) -> str:
        """The brand's or partner's name in addresses."""
        return str(self.profile.party.slug)

    @property
    def own_reach(self) -> str:
        """How its own reach is called."""
        return str(self.profile.party.kind)

    def access(self, visit: Visit, device: str | None) -> str | None:
        """A subject access token for who is here; None for a visitor who never answered."""
        if visit.holds_access():
            return visit.access
        if device is None:
            return None
        try:
            return self._exchange_device(visit, device)
        except HubRefusalError:
            return None  # a credential from another demo's folder: a stranger again

    def make_device(self, visit: Visit) -> str:
        """A new device, at the first explicit answer; its credential is for the cookie."""
        device = self.hub.new_device(self.origin).credential
        self._exchange_device(visit, device)
        return device

    def _exchange_device(self, visit: Visit, device: str) -> str:
        subject = SubjectToken(token=device, kind=DEVICE_CREDENTIAL)
        answer = self.hub.exchange(subject)
        visit.keep_access(answer.access_token, answer.expires_in)
        issued = self.hub.exchange(subject, requested=CONSENT_TOKEN)
        visit.consent_token = issued.access_token
        return answer.access_token

    def view(self, visit: Visit, device: str | None, language: str) -> site_pages.View:
        """Ask the hub all that a page shows."""
        access = self.access(visit, device)
        state: ConsentState | None = None if access is None else self.hub.state(access)
        token, verdict = visit.consent_token, None
        if token is not None:
            verdict = self.verify(token)
        said = [WORDS[language][key] for key in visit.notices]
        if visit.failure is not None:
            said.append(WORDS[language]["failed"].format(why=visit.failure))
        visit.notices.clear()
        visit.failure = None
        return site_pages.View(
            slug=self.slug,
            brand=self.profile.name,
            logo=self.profile.look.logo,
            language=language,
            form_token=self.visits.form_token(visit),
            shown=self.hub.catalogue(self.slug, language),
            state=state,
            consent_token=None if token is None else unverified_parts(token)[1],
            verdict=verdict,
            said=tuple(said),
        )

    def verify(self, token: str) -> Verdict:
        """Whether a token of the partner's holds now."""
        return self.checker.verify(token)
