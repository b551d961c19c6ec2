"""The whole demo as one: its processes are started once, walked and visited."""

import html
import re
import socket
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from typing import final
from urllib.parse import urlsplit

import httpx2
import pytest

from consentid.demo import halcyon
from consentid.demo.stage import Stage
from consentid.demo.tour import STEPS, walk

BRANDS = Path(__file__).parents[2] / "brands"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def stage() -> Generator[Stage]:
    started = Stage(
        folder=None, brands=BRANDS, port=free_port(), progress=lambda _label: nullcontext()
    )
    with started:
        yield started


@final
class Visitor:
    """A browser without scripts: cookies, forms and links."""

    def __init__(self, stage: Stage, host: str, language: str = "en") -> None:
        self.http = stage.scene().http
        self.base = halcyon.url_of(host, stage.scene().port)
        self.cookies: dict[str, dict[str, str]] = {}
        self.at = ""
        self.language = language
        self.answer = httpx2.Response(200)

    def go(self, path: str = "/", form: dict[str, str] | None = None) -> str:
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


def test_looking_at_a_site_makes_no_device_and_records_nothing(stage: Stage) -> None:
    visitor = Visitor(stage, "news")
    visitor.go()
    assert visitor.is_asked()
    assert visitor.cookies[visitor.base].keys() == {"visit"}
    assert visitor.states() == {}


@pytest.mark.parametrize("host", halcyon.PARTIES)
@pytest.mark.parametrize(("act", "state"), [("accept", "given"), ("refuse", "refused")])
def test_accepting_and_refusing_take_one_act_each(
    stage: Stage, host: str, act: str, state: str
) -> None:
    visitor = Visitor(stage, host)
    visitor.go()
    visitor.submit("/answer", act=act)
    assert visitor.said() == ["Your choices are saved."]
    assert visitor.states()["ads.measurement"] == state
    assert not visitor.is_asked()
    visitor.go()
    assert not visitor.is_asked()


def test_choices_go_one_by_one_and_a_no_reaches_what_lies_under_it(stage: Stage) -> None:
    visitor = Visitor(stage, "play", "fr-BE, en;q=0.5")
    assert "Tout refuser" in visitor.go()
    page = visitor.submit("/answer", act="choose")
    assert "checked" not in page
    visitor.submit(
        "/answer",
        act="save",
        **{"choice.ads": "no", "choice.ads.personalised": "yes", "choice.tv": "yes"},
    )
    assert visitor.said() == ["Vos choix sont enregistrés."]
    states = visitor.states()
    assert [states[one] for one in ("ads", "ads.personalised")] == ["refused", "refused"]
    assert states["tv"] == "given"
    assert states["content"] == "unasked"


def test_signing_in_carries_choices_to_the_other_brands_and_withdrawing_ends_them(
    stage: Stage,
) -> None:
    password = stage.prepared.secrets.passwords["arthur"]
    news = Visitor(stage, "news")
    news.go()
    news.submit("/answer", act="accept")
    news.go("/sign-in")
    news.submit("/login", login="arthur", password=password)
    assert news.said() == ["The choices made on this device now belong to your account."]
    play = Visitor(stage, "play")
    play.go("/sign-in")
    play.submit("/login", login="arthur", password=password)
    assert play.states()["content"] == "given"
    assert play.is_asked()  # of what is play's own, and of nothing else
    news.go("/choices")
    news.submit("/withdraw", reach="group")
    play.go()
    assert play.states()["content"] == "withdrawn"
    assert ">inactive<" in play.answer.text
    assert not play.is_asked()


def test_a_wrong_password_says_so_and_signs_nobody_in(stage: Stage) -> None:
    visitor = Visitor(stage, "news")
    visitor.go("/sign-in")
    visitor.submit("/login", login="salma", password="guess")
    assert "That name and password do not belong together." in visitor.answer.text
    assert visitor.answer.status_code == 401
    visitor.submit("/login", act="cancel")
    assert visitor.at == visitor.base
    assert "Sign in" in visitor.answer.text


def test_signing_out_at_a_brand_ends_the_portal_s_session_too(stage: Stage) -> None:
    password = stage.prepared.secrets.passwords["salma"]
    visitor = Visitor(stage, "shop")
    visitor.go("/sign-in")
    visitor.submit("/login", login="salma", password=password)
    assert "<strong>salma</strong>" in visitor.answer.text
    visitor.submit("/leave")
    assert visitor.at == visitor.base
    visitor.go("/sign-in")
    assert 'name="password"' in visitor.answer.text


def test_a_sign_in_that_was_not_begun_here_signs_nobody_in(stage: Stage) -> None:
    visitor = Visitor(stage, "shop")
    visitor.go("/signed-in?code=planted&state=planted")
    assert visitor.said() == ["This page was too old. Please try again."]
    assert "Sign in" in visitor.answer.text


def test_a_form_of_somebody_elses_visit_does_nothing(stage: Stage) -> None:
    attacker, victim = Visitor(stage, "news"), Visitor(stage, "news")
    attacker.go()
    victim.go()
    attacker.cookies = {at: dict(kept) for at, kept in victim.cookies.items()}
    attacker.submit("/answer", act="accept")
    assert attacker.said() == ["This page was too old. Please try again."]
    assert victim.go()
    assert victim.is_asked()


def test_pages_run_no_script_and_are_framed_by_nobody(stage: Stage) -> None:
    for host in halcyon.PARTIES:
        visitor = Visitor(stage, host)
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
    visitor = Visitor(stage, "news")
    assert "Halcyon News" in visitor.go()
