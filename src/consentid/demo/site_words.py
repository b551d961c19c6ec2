"""The sites' own words, in the visitor's language.  What is asked is the catalogue's words."""

from typing import Final

LANGUAGES: Final = ("en", "fr")

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "skip": "Skip to your choices",
        "choices": "My choices",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "signed_in": "Signed in as",
        "signed_out": "You are not signed in: your choices stay on this device.",
        "reach_here": "At this brand only",
        "withdraw": "Withdraw everything",
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
        "mandatory": "to be answered",
        "missing": "Only what you have not answered yet is asked here.",
        "saved": "Your choices are saved.",
        "withdrawn": "Your consent is withdrawn.",
        "claimed": "The choices made on this device now belong to your account.",
        "contradicted": "Your account and this device disagree on something: your account counts.",
        "failed": "That did not work: {why}",
        "stale": "This page was too old. Please try again.",
        "expired": "Your session has ended. Please sign in again.",
    },
    "fr": {
        "skip": "Aller à vos choix",
        "choices": "Mes choix",
        "sign_in": "Se connecter",
        "sign_out": "Se déconnecter",
        "signed_in": "Connecté en tant que",
        "signed_out": "Vous n'êtes pas connecté : vos choix restent sur cet appareil.",
        "reach_here": "Chez cette marque seulement",
        "withdraw": "Tout retirer",
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
        "mandatory": "réponse attendue",
        "missing": "Seul ce à quoi vous n'avez pas encore répondu est demandé ici.",
        "saved": "Vos choix sont enregistrés.",
        "withdrawn": "Votre consentement est retiré.",
        "claimed": "Les choix faits sur cet appareil sont désormais rattachés à votre compte.",
        "contradicted": "Votre compte et cet appareil se contredisent : votre compte l'emporte.",
        "failed": "Cela n'a pas fonctionné : {why}",
        "stale": "Cette page était trop ancienne. Veuillez réessayer.",
        "expired": "Votre session est terminée. Veuillez vous reconnecter.",
    },
}

STORIES: Final[dict[str, dict[str, tuple[tuple[str, str], ...]]]] = {
    "news": {
        "en": (
            (
                "The harbour gets its lighthouse back",
                "After eleven dark years, the lamp is lit on Sunday.",
            ),
            ("Night trains return to the coast", "Four lines reopen in spring, with dining cars."),
            ("A choir of eight hundred", "A whole valley rehearses for one evening in June."),
        ),
        "fr": (
            ("Le port retrouve son phare", "Après onze ans, la lampe se rallume dimanche."),
            ("Le retour des trains de nuit", "Quatre lignes rouvrent, avec wagon-restaurant."),
            ("Un chœur de huit cents voix", "Toute une vallée répète pour une soirée de juin."),
        ),
    },
    "shop": {
        "en": (
            ("Quinces from the orchard", "Picked this week, 2.40 a kilo."),
            ("Enamel kettle, river green", "Holds a litre and a half, sings quietly."),
            ("Wool blanket, undyed", "From one flock, woven forty kilometres away."),
        ),
        "fr": (
            ("Coings du verger", "Cueillis cette semaine, 2,40 le kilo."),
            ("Bouilloire émaillée, vert rivière", "Un litre et demi, chante doucement."),
            ("Couverture de laine écrue", "Un seul troupeau, tissée à quarante kilomètres."),
        ),
    },
    "play": {
        "en": (
            ("The Cartographer's Daughter", "Series. She finds a street that no map has."),
            ("Eleven Winters", "Film, 104 minutes. A weather station, a radio, a promise."),
            ("Small Boats", "Documentary. Six people who row to work."),
        ),
        "fr": (
            ("La Fille du cartographe", "Série. Elle trouve une rue qu'aucune carte n'a."),
            ("Onze hivers", "Film, 104 minutes. Une station météo, une radio, une promesse."),
            ("Petits bateaux", "Documentaire. Six personnes qui vont travailler à la rame."),
        ),
    },
    "reach": {
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
    },
}
"""Invented headlines, goods and films, so that there is something to interrupt."""


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
