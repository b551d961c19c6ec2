"""A browser without scripts among the demo's hosts: cookies by origin, redirects one by one."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import httpx2

_SEE_OTHER = (302, 303)


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's browser."""

    http: httpx2.Client
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    at: str = ""
    """Where it is now."""
    answer: httpx2.Response = field(default_factory=lambda: httpx2.Response(200))

    def step(self, url: str, form: dict[str, str] | None = None) -> httpx2.Response:
        """One request, without following."""
        self.at = str(httpx2.URL(self.at or url).join(url))
        kept = self.jar
        headers = {"accept-language": "en", "accept": "text/html"}
        if kept:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        if form is not None:
            headers["origin"] = self.origin
        method = "GET" if form is None else "POST"
        self.answer = self.http.request(method, self.at, data=form, headers=headers)
        self.http.cookies.clear()
        for cookie in self.answer.headers.get_list("set-cookie"):
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0" in attributes.lower():
                kept.pop(name, None)
            else:
                kept[name] = value
        return self.answer

    def go(
        self, url: str, form: dict[str, str] | None = None, *, until: str | None = None
    ) -> httpx2.Response:
        """Follow redirects until a page, or until one leads to an address that begins so."""
        self.step(url, form)
        while self.answer.status_code in _SEE_OTHER:
            onward = self.onward
            if until is not None and onward.startswith(until):
                return self.answer
            self.step(onward)
        return self.answer

    def submit(self, *, until: str | None = None, **fields: str) -> httpx2.Response:
        """Send the page's form with what it carries."""
        found = re.search(r'<form[^>]*action="([^"]*)".*?</form>', self.answer.text, re.DOTALL)
        assert found is not None, self.answer.text
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
        form = {name: html.unescape(value) for name, value in hidden} | fields
        return self.go(html.unescape(found[1]), form, until=until)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.at)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def jar(self) -> dict[str, str]:
        return self.cookies.setdefault(self.origin, {})

    @property
    def onward(self) -> str:
        """Where the last answer leads."""
        return str(httpx2.URL(self.at).join(self.answer.headers["location"]))

    @property
    def told(self) -> dict[str, str]:
        """What the address carries that the last answer leads to."""
        return dict(parse_qsl(urlsplit(self.onward).query))
