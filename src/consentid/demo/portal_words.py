"""What the portal says, in its languages."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "tagline": "One key for the whole Halcyon group",
        "title": "Sign in",
        "for": "to go on to {client}",
        "login": "Name",
        "password": "Password",
        "submit": "Sign in",
        "cancel": "Go back without signing in",
        "wrong": "That name and password do not belong together.",
        "limited": "Too many attempts with this name. Try again in {seconds} seconds.",
        "stale": "This page was open for too long, or in another browser. Please try again.",
        "known": "You are signed in as {name}.",
        "nobody": "Nobody is signed in in this browser.",
        "home": "Your Halcyon ID",
        "home_intro": "The Halcyon sites send you here when you choose to sign in.",
        "sign_out": "Sign out",
        "sign_out_title": "Sign out?",
        "sign_out_intro": (
            "This ends your session here and at the Halcyon sites you went to with"
            " it. What you consented to stays as it is."
        ),
        "stay": "Stay signed in",
        "signed_out": "You are signed out.",
        "signed_out_intro": "Your choices stay as they are.",
        "create_title": "A new account",
        "create_intro": (
            "The people of this demo are invented, and so are their accounts: there is"
            " nothing to fill in. Sign in as one of them; consentid demo prints their passwords."
        ),
        "create_on": "Sign in as one of them",
        "error_title": "This cannot go on",
        "error_client": "The site that sent you here is not known to Halcyon ID.",
        "error_redirect": (
            "The site that sent you here asked to have you sent to an address that is not its own."
        ),
        "error_malformed": (
            "The request that brought you here is damaged. Go back to the site and begin again."
        ),
        "other": "Français",
        "foot": "Halcyon ID is part of a demo: everybody in it is invented.",
        "password_help": "consentid demo prints it when it starts.",
    },
    "fr": {
        "tagline": "Une seule clé pour tout le groupe Halcyon",
        "title": "Connexion",
        "for": "pour continuer vers {client}",
        "login": "Nom",
        "password": "Mot de passe",
        "submit": "Se connecter",
        "cancel": "Revenir sans se connecter",
        "wrong": "Ce nom et ce mot de passe ne vont pas ensemble.",
        "limited": "Trop d'essais avec ce nom. Réessayez dans {seconds} secondes.",
        "stale": (
            "Cette page est restée ouverte trop longtemps, ou dans un autre navigateur."
            " Veuillez réessayer."
        ),
        "known": "Vous êtes connecté en tant que {name}.",
        "nobody": "Personne n'est connecté dans ce navigateur.",
        "home": "Votre Halcyon ID",
        "home_intro": "Les sites Halcyon vous amènent ici quand vous choisissez de vous connecter.",
        "sign_out": "Se déconnecter",
        "sign_out_title": "Se déconnecter ?",
        "sign_out_intro": (
            "Cela met fin à votre session ici et sur les sites Halcyon où elle vous a"
            " servi. Vos consentements restent tels quels."
        ),
        "stay": "Rester connecté",
        "signed_out": "Vous êtes déconnecté.",
        "signed_out_intro": "Vos choix restent tels quels.",
        "create_title": "Un nouveau compte",
        "create_intro": (
            "Les personnes de cette démonstration sont inventées, leurs comptes aussi :"
            " il n'y a rien à remplir. Connectez-vous comme l'une d'elles ; consentid demo affiche"
            " leurs mots de passe."
        ),
        "create_on": "Se connecter comme l'une d'elles",
        "error_title": "Impossible de continuer",
        "error_client": "Le site qui vous a amené ici n'est pas connu de Halcyon ID.",
        "error_redirect": (
            "Le site qui vous a amené ici demande de vous envoyer à une adresse qui"
            " n'est pas la sienne."
        ),
        "error_malformed": (
            "La demande qui vous a amené ici est abîmée. Revenez au site et recommencez."
        ),
        "other": "English",
        "foot": "Halcyon ID fait partie d'une démonstration : tout le monde y est inventé.",
        "password_help": "consentid demo l'affiche à son démarrage.",
    },
}
LANGUAGES: Final = tuple(WORDS)


def pick_language(ui_locales: str, accept_language: str) -> str:
    """The first of the asked languages that we speak, then of the browser's, else English."""
    wanted = [*ui_locales.split(), *(part.partition(";")[0] for part in accept_language.split(","))]
    for tag in wanted:
        base = tag.strip().partition("-")[0].lower()
        if base in WORDS:
            return base
    return LANGUAGES[0]
