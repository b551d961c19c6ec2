"""A person who was sent to the hub by the news site, with a browser or with plain HTTP."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Self, TypeAlias
from urllib.parse import urlencode

import httpx2
from tests.web.hub import Hub
from typing_extensions import override

CALLBACK = "http://news.localhost:7600/callback"


def authorize_path(client: str = "news-web", redirect: str = CALLBACK, **parameters: str) -> str:
    """The address that a site sends a person to."""
    challenge = base64.urlsafe_b64encode(
        hashlib.sha256(secrets.token_urlsafe(32).encode()).digest()
    )
    return "/authorize?" + urlencode(
        {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": redirect,
            "scope": "openid",
            "state": "the-state",
            "nonce": secrets.token_hex(8),
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
            **parameters,
        }
    )


def origin_of(hub: Hub) -> str:
    """The hub's own address, as its configuration has it."""
    return hub.url.replace("127.0.0.1", "consent.localhost")


class Form(HTMLParser):
    """The hidden fields of a page, and the names of all that can be chosen on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.radios: set[str] = set()
        self.required: set[str] = set()
        self.checked: set[str] = set()
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name = told.get("name") or ""
        if told.get("type") == "hidden":
            self.hidden[name] = told.get("value") or ""
        elif told.get("type") == "radio":
            self.radios.add(name)
            if "required" in told:
                self.required.add(name)
            if "checked" in told:
                self.checked.add(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A browser without a screen, on the consent page."""

    http: httpx2.Client
    origin: str
    path: str

    @classmethod
    def begin(cls, hub: Hub, http: httpx2.Client, **parameters: str) -> Self:
        """Arrive from the news site."""
        answer = http.get(authorize_path(**parameters))
        assert answer.status_code == 303, answer.text
        path = re.sub(r"^https?://[^/]+", "", answer.headers["location"])
        assert path.startswith("/interaction/"), path
        return cls(http=http, origin=origin_of(hub), path=path)

    def look(self, query: str = "", **headers: str) -> httpx2.Response:
        """Open the page."""
        return self.http.get(self.path + query, headers=headers)

    def form(self, query: str = "", **headers: str) -> Form:
        """What the page's form carries."""
        answer = self.look(query, **headers)
        assert answer.status_code == 200, answer.text
        return Form(answer.text)

    def send(
        self, fields: dict[str, str], *, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """Send a form as a browser does, from our own page unless ``headers`` say otherwise."""
        told = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return self.http.post(self.path, data=fields, headers=told if headers is None else headers)


Arrive: TypeAlias = Callable[..., Visit]
"""Begin a visit in a browser of its own; parameters are those of the authorization request."""
