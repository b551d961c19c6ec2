"""What the demo's partners ask people for, on whose behalf, and in which words of their own."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that a partner would like to do, and what it needs for that."""

    key: str
    purposes: tuple[str, ...]
    brand: str | None
    """The brand that it asks for; None where it asks for itself."""
    words: dict[str, tuple[str, str, str]]
    """By language: a title, a sentence, a button."""

    @property
    def detail(self) -> dict[str, object]:
        """What is pushed.  Spec: RFC 9396 section 2."""
        told: dict[str, object] = {
            "type": "consent_request",
            "purposes": [*self.purposes],
            "channel": "web",
        }
        if self.brand is not None:
            told |= {"brand": self.brand, "beneficiary": "brand"}
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A partner's front page."""

    words: dict[str, tuple[str, str]]
    """By language: a headline, and a sentence below it."""
    offers: tuple[Offer, ...]


FRONTS: Final[dict[str, Front]] = {
    "reach": Front(
        words={
            "en": (
                "Ads where people shop, for those who said yes",
                (
                    "Reach Media asks on the group's own page. What comes back is a signed token"
                    " for Reach Media alone."
                ),
            ),
            "fr": (
                "La publicité là où l'on achète, pour qui a dit oui",
                (
                    "Reach Media demande sur la page du groupe lui-même. En retour, un jeton signé"
                    " pour Reach Media seul."
                ),
            ),
        },
        offers=(
            Offer(
                key="own",
                purposes=("ads.measurement", "ads.partners.retail"),
                brand=None,
                words={
                    "en": (
                        "Ads that fit your basket",
                        "For Reach Media itself: choose ads by what you buy, and count them.",
                        "Ask for Reach Media",
                    ),
                    "fr": (
                        "Des publicités selon votre panier",
                        "Pour Reach Media même : choisir selon vos achats, et compter.",
                        "Demander pour Reach Media",
                    ),
                },
            ),
            Offer(
                key="news",
                purposes=("ads.partners", "ads.partners.retail"),
                brand="news",
                words={
                    "en": (
                        "Fewer, better ads in your news",
                        "On behalf of Halcyon News: may it work with partners on its ads?",
                        "Ask for Halcyon News",
                    ),
                    "fr": (
                        "Moins de publicité, et mieux choisie",
                        "Au nom de Halcyon News : peut-il travailler avec des partenaires ?",
                        "Demander pour Halcyon News",
                    ),
                },
            ),
        ),
    ),
    "bazaar": Front(
        words={
            "en": (
                "Lamps, looms and lovely odds and ends",
                (
                    "Bazaar Lumen sells what Halcyon Market sells, too. Join the market's circle"
                    " while you are here: the market's answer stays the market's."
                ),
            ),
            "fr": (
                "Lampes, étoffes et jolies trouvailles",
                (
                    "Bazaar Lumen vend aussi ce que vend Halcyon Market. Rejoignez son cercle en"
                    " passant : ce que vous répondez au marché reste au marché."
                ),
            ),
        },
        offers=(
            Offer(
                key="shop",
                purposes=("shop:loyalty", "contact.email"),
                brand="shop",
                words={
                    "en": (
                        "Points at Halcyon Market",
                        "On behalf of Halcyon Market: its circle, and its letters if you like.",
                        "Ask for Halcyon Market",
                    ),
                    "fr": (
                        "Des points chez Halcyon Market",
                        "Au nom de Halcyon Market : son cercle et, si vous voulez, ses lettres.",
                        "Demander pour Halcyon Market",
                    ),
                },
            ),
            Offer(
                key="own",
                purposes=("ads.partners.retail",),
                brand=None,
                words={
                    "en": (
                        "Stalls that suit you",
                        "For Bazaar Lumen itself: show stalls by what you buy elsewhere.",
                        "Ask for Bazaar Lumen",
                    ),
                    "fr": (
                        "Des étals qui vous ressemblent",
                        "Pour Bazaar Lumen même : montrer des étals selon vos achats ailleurs.",
                        "Demander pour Bazaar Lumen",
                    ),
                },
            ),
        ),
    ),
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "back": "What came back",
        "intro": "A developer's view: what {partner}'s back end was told, as it came.",
        "nothing": "Nothing was asked in this visit yet.",
        "denied": "You said no, or went back: {partner} heard “access_denied”, no more.",
        "some": "You said yes to:",
        "failed": "That did not work: {why}",
        "details": "Granted, of what was asked",
        "token": "Consent token, decoded",
        "active": "active",
        "inactive": "inactive",
        "sub": "“sub” stands for you at {partner} alone; nobody else was given it.",
        "change": "See it at the hub, and take it back",
        "again": "Check the token again",
        "form": "{partner}'s own form",
        "skip": "Skip to what came back",
    },
    "fr": {
        "back": "Ce qui est revenu",
        "intro": "La vue du développeur : ce qui a été répondu au serveur de {partner}.",
        "nothing": "Rien n'a encore été demandé dans cette visite.",
        "denied": "Refus ou retour : {partner} a entendu « access_denied », rien de plus.",
        "some": "Vous avez dit oui à :",
        "failed": "Cela n'a pas fonctionné : {why}",
        "details": "Accordé, de ce qui était demandé",
        "token": "Jeton de consentement, décodé",
        "active": "actif",
        "inactive": "inactif",
        "sub": "« sub » ne vous désigne que chez {partner} ; personne d'autre ne l'a reçu.",
        "change": "Voir sur la page du groupe, et retirer",
        "again": "Vérifier encore le jeton",
        "form": "Le formulaire de {partner}",
        "skip": "Aller à ce qui est revenu",
    },
}
