"""The words of the partner's site, in the visitor's language; what it asks is the catalogue's."""

from typing import Final

LANGUAGES: Final = ("en", "fr")

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "skip": "Skip to your choices",
        "choices": "My choices",
        "withdraw_here": "Withdraw at {brand}",
        "yes": "Yes",
        "no": "No",
        "reads": "What {brand} reads from consentid",
        "reads_intro": "A developer's view of this visit: what its back end was told, as it came.",
        "purpose": "Purpose",
        "state": "State",
        "may": "May {brand}?",
        "nothing_yet": "Nobody chose here yet: consentid knows nothing of this visit.",
        "token": "Consent token",
        "active": "active",
        "inactive": "inactive",
        "no_token": "There is no token in this visit.",
        "missing": "Only what you have not answered yet is asked here.",
        "saved": "Your choices are saved.",
        "withdrawn": "Your consent is withdrawn.",
        "failed": "That did not work: {why}",
        "stale": "This page was too old. Please try again.",
    },
    "fr": {
        "skip": "Aller à vos choix",
        "choices": "Mes choix",
        "withdraw_here": "Retirer chez {brand}",
        "yes": "Oui",
        "no": "Non",
        "reads": "Ce que {brand} lit dans consentid",
        "reads_intro": "La vue du développeur : ce qui a été répondu à son serveur.",
        "purpose": "Finalité",
        "state": "État",
        "may": "{brand} peut ?",
        "nothing_yet": "Personne n'a encore choisi ici : consentid ne sait rien de cette visite.",
        "token": "Jeton de consentement",
        "active": "actif",
        "inactive": "inactif",
        "no_token": "Il n'y a pas de jeton dans cette visite.",
        "missing": "Seul ce à quoi vous n'avez pas encore répondu est demandé ici.",
        "saved": "Vos choix sont enregistrés.",
        "withdrawn": "Votre consentement est retiré.",
        "failed": "Cela n'a pas fonctionné : {why}",
        "stale": "Cette page était trop ancienne. Veuillez réessayer.",
    },
}

STORIES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "en": (
        ("Ads that shops are glad to show", "Placed where people shop, if they said yes."),
        ("Measured, not guessed", "Whether an ad was seen, without following anyone."),
        ("No means no", "Each token is checked before each ad."),
    ),
    "fr": (
        ("Des publicités bienvenues", "Là où l'on achète, si l'on a dit oui."),
        ("Mesuré, pas deviné", "Savoir si une publicité a été vue, sans suivre personne."),
        ("Non, c'est non", "Chaque jeton est vérifié avant chaque publicité."),
    ),
}
"""Invented, so that there is something to interrupt."""


def pick_language(accept_language: str) -> str:
    """The language to speak.  Spec: RFC 9110 section 12.5.4."""
    wanted: list[tuple[float, int, str]] = []
    for place, item in enumerate(accept_language.split(",")[:20]):
        name, _, weight = item.strip().partition(";q=")
        language = name.partition("-")[0].strip().lower()
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and quality > 0:
            wanted.append((-quality, place, language))
    return min(wanted)[2] if wanted else LANGUAGES[0]
