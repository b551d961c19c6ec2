"""The whole demo as one: its processes are started once, walked and visited."""

import html
import re
from typing import final
from urllib.parse import urlsplit

import httpx2
import pytest

from consentid.demo import halcyon
from consentid.demo.stage import Stage
from consentid.demo.tour import STEPS, walk


@final
class Visitor:
    """A browser without scripts at the partner's site: cookies, forms and links."""

    def __init__(self, stage: Stage, language: str = "en") -> None:
        self.http = stage.scene().http
        self.base = halcyon.url_of(halcyon.PARTNER, stage.scene().port)
        self.cookies: dict[str, dict[str, str]] = {}
        self.at = ""
        self.language = language
        self.answer = httpx2.Response(200)

    def go(self, path: str = "/form", form: dict[str, str] | None = None) -> str:
        url = str(httpx2.URL(self.at or self.base).join(path))
        self.at = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        kept = self.cookies.setdefault(self.at, {})
        self.answer = self.http.request(
            "GET" if form is None else "POST",
            url,
            data=form,
            headers={
                "cookie": "; ".join(f"{name}={value}" for name, value in kept.items()),
                "accept-language": self.language,
            },
        )
        self.http.cookies.clear()  # the cookies of this visitor are kept here, by origin
        for cookie in self.answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            kept[name] = value
        if self.answer.status_code == 303:
            return self.go(self.answer.headers["location"])
        return self.answer.text

    def submit(self, action: str, **fields: str) -> str:
        found = re.search(
            rf'<form[^>]*action="({action}[^"]*)".*?</form>', self.answer.text, re.DOTALL
        )
        assert found is not None, f"no form for {action}"
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
        return self.go(
            html.unescape(found[1]), {name: html.unescape(value) for name, value in hidden} | fields
        )

    def said(self) -> list[str]:
        return [html.unescape(one) for one in re.findall(r'role="status">(.*?)<', self.answer.text)]

    def states(self) -> dict[str, str]:
        return dict(re.findall(r"<code>([^<]+)</code></td><td>(\w+)</td>", self.answer.text))

    def is_asked(self) -> bool:
        return 'class="banner"' in self.answer.text


def test_every_step_of_the_tour_holds(stage: Stage) -> None:
    reports = list(walk(stage.scene()))
    assert [(report.number, report.says) for report in reports if not report.passed] == []
    assert len(reports) == len(STEPS)
    assert all(report.says and report.evidence for report in reports)


def test_looking_at_the_partner_makes_no_device_and_records_nothing(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.go()
    assert visitor.is_asked()
    assert visitor.cookies[visitor.base].keys() == {"visit"}
    assert visitor.states() == {}


@pytest.mark.parametrize(("act", "state"), [("accept", "given"), ("refuse", "refused")])
def test_accepting_and_refusing_take_one_act_each(stage: Stage, act: str, state: str) -> None:
    visitor = Visitor(stage)
    visitor.go()
    visitor.submit("/answer", act=act)
    assert visitor.said() == ["Your choices are saved."]
    assert visitor.states()["ads.measurement"] == state
    assert not visitor.is_asked()
    visitor.go()
    assert not visitor.is_asked()


def test_choices_go_one_by_one_and_a_no_reaches_what_lies_under_it(stage: Stage) -> None:
    visitor = Visitor(stage, "fr-BE, en;q=0.5")
    assert "Tout refuser" in visitor.go()
    page = visitor.submit("/answer", act="choose")
    assert "checked" not in page
    visitor.submit(
        "/answer",
        act="save",
        **{"choice.ads.partners": "no", "choice.ads.partners.retail": "yes"},
    )
    assert visitor.said() == ["Vos choix sont enregistrés."]
    states = visitor.states()
    assert [states[one] for one in ("ads.partners", "ads.partners.retail")] == ["refused"] * 2
    assert states["ads.measurement"] == "unasked"


def test_withdrawing_takes_one_act_too(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.go()
    visitor.submit("/answer", act="accept")
    visitor.go("/choices")
    visitor.submit("/withdraw")
    assert visitor.said() == ["Your consent is withdrawn."]
    assert visitor.states()["ads.measurement"] == "withdrawn"


def test_a_form_of_somebody_elses_visit_does_nothing(stage: Stage) -> None:
    attacker, victim = Visitor(stage), Visitor(stage)
    attacker.go()
    victim.go()
    attacker.cookies = {at: dict(kept) for at, kept in victim.cookies.items()}
    attacker.submit("/answer", act="accept")
    assert attacker.said() == ["This page was too old. Please try again."]
    assert victim.go()
    assert victim.is_asked()


def test_the_partners_pages_run_no_script_and_are_framed_by_nobody(stage: Stage) -> None:
    visitor = Visitor(stage)
    page = visitor.go()
    policy = visitor.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page
    assert "style=" not in page
    assert "HttpOnly" in visitor.answer.headers["set-cookie"]


def test_a_web_process_that_was_killed_comes_back_on_the_same_port(stage: Stage) -> None:
    killed = stage.kill_web()
    assert stage.revive_web() != killed
    assert "Reach Media" in Visitor(stage).go()


@pytest.mark.parametrize(("slug", "offer"), [("bazaar", "shop"), ("reach", "own")])
def test_a_partner_sends_people_to_the_hub_and_shows_what_came_back(
    stage: Stage, slug: str, offer: str
) -> None:
    visitor = Visitor(stage)
    visitor.base = halcyon.url_of(slug, stage.scene().port)
    assert "Nothing was asked in this visit yet." in visitor.go("/")
    visitor.submit("/ask", offer=offer)
    page = visitor.submit("/interaction", act="accept")
    assert 'class="badge">active<' in page
    assert "consent_request" in page
    if offer == "shop":
        assert "&quot;beneficiary&quot;: &quot;brand&quot;" in page
    visitor.go(f"{visitor.base}/")
    visitor.go(f"{visitor.base}/callback?code=x&state=y")  # of nobody's asking: passed by
    assert 'class="badge">active<' in visitor.answer.text


def test_a_person_who_goes_back_is_told_of_as_denied_and_no_more(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.base = halcyon.url_of("bazaar", stage.scene().port)
    visitor.go("/")
    visitor.submit("/ask", offer="shop")
    page = visitor.submit("/interaction", act="later")
    assert "heard “access_denied”, no more." in page
