"""A person at the preference centre, in a browser without a screen."""

import html
import re
from dataclasses import dataclass
from typing import Self

import httpx2
from tests.web.hub import Hub
from tests.web.pages.visits import Form, origin_of

PATH = "/preferences"


@dataclass(slots=True, kw_only=True)
class Person:
    """A browser of its own, and the page it looks at."""

    http: httpx2.Client
    origin: str
    page: httpx2.Response

    @classmethod
    def arrive(cls, hub: Hub, http: httpx2.Client, query: str = "", **headers: str) -> Self:
        """Open the preference centre."""
        page = http.get(PATH + query, headers=headers)
        assert page.status_code == 200, page.text
        return cls(http=http, origin=origin_of(hub), page=page)

    def look(self, path: str = PATH, **headers: str) -> httpx2.Response:
        """Open one of its pages."""
        self.page = self.http.get(path, headers=headers)
        return self.page

    @property
    def hidden(self) -> dict[str, str]:
        """What the page's forms carry."""
        return Form(self.page.text).hidden

    def send(
        self,
        fields: dict[str, str],
        *,
        path: str = PATH,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """Send a form as a browser does, from our own page unless ``headers`` say otherwise."""
        told = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return self.http.post(path, data=fields, headers=told if headers is None else headers)

    def press(self, **button: str) -> httpx2.Response:
        """Press a button of the first page, and look at it as it is then."""
        action = re.search(r'class="choices" method="post" action="([^"]*)"', self.page.text)
        assert action is not None, self.page.text
        answer = self.send({**self.hidden, **button}, path=html.unescape(action[1]))
        assert answer.status_code == 303, answer.text
        return self.look(answer.headers["location"].partition("#")[0])

    def answer(self, outcome: str, purpose: str, reach: str = "group") -> httpx2.Response:
        """Say yes or no to one purpose."""
        return self.press(answer=f"{outcome} {reach} {purpose}")

    def card(self, anchor: str) -> str:
        """What is told of one purpose, as text."""
        found = re.search(rf'<article[^>]* id="{anchor}".*?</article>', self.page.text, re.DOTALL)
        assert found is not None, anchor
        return told(found[0])


def told(page: str) -> str:
    """The text of a page, without its marks."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))
