"""Every mistake in the files is told with file, line, key and remedy."""

from dataclasses import dataclass

import pytest
from tests.brandbook.folders import Folder

from consentid.brandbook.problem import Problem, Rule, report


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An edit, and what must be said of it."""

    name: str
    file: str
    old: str
    new: str
    mark: str
    """How the line begins that is told."""
    rule: Rule
    key: str
    message: str
    remedy: str
    told_in: str = ""
    """The file that is told, if it is not the one edited."""
    every: bool = False
    """Whether to edit each occurrence, or the first."""
    alone: bool = True
    """Whether nothing else follows from it that has to be told too."""


MISTAKES = (
    Mistake(
        name="an unknown key",
        file="group.toml",
        old="validity_days = 390",
        new="validty_days = 390",
        mark="validty_days",
        rule=Rule.UNKNOWN_KEY,
        key="validty_days",
        message="unknown key",
        remedy='did you mean "validity_days"?',
    ),
    Mistake(
        name="an unknown key deep in a purpose",
        file="group.toml",
        old='confirm = "link"',
        new='conferm = "link"',
        mark="conferm",
        rule=Rule.UNKNOWN_KEY,
        key='purposes."contact.email".conferm',
        message="unknown key",
        remedy='did you mean "confirm"?',
    ),
    Mistake(
        name="a signal's meaning that only the group may give",
        file="group.toml",
        old="signals = { tcf = [9] }",
        new="signals = { tcf = [9], gpc = true }",
        mark="signals = { tcf = [9], gpc",
        rule=Rule.UNKNOWN_KEY,
        key="purposes.audience.signals.gpc",
        message="unknown key",
        remedy="list the purpose under [signals] gpc of group.toml",
    ),
    Mistake(
        name="a missing key",
        file="shop.toml",
        old='audience = "https://market.halcyon.example"\n',
        new="",
        mark="# Halcyon Market",
        rule=Rule.MISSING_KEY,
        key="audience",
        message="this is missing",
        remedy=(
            "write audience: an absolute address over https (http for *.localhost only), "
            "without query or fragment"
        ),
    ),
    Mistake(
        name="a wrong type",
        file="play.toml",
        old="own = true",
        new='own = "yes"',
        mark='own = "yes"',
        rule=Rule.WRONG_TYPE,
        key="overrides.tv.own",
        message="this is text",
        remedy="write true or false, without quotes",
    ),
    Mistake(
        name="true where a number belongs",
        file="shop.toml",
        old="validity_days = 365",
        new="validity_days = true",
        mark="validity_days = true",
        rule=Rule.WRONG_TYPE,
        key="validity_days",
        message="this is true or false",
        remedy="write a whole number from 1 to 3650",
    ),
    Mistake(
        name="a refusal forgotten too soon",
        file="group.toml",
        old="refusal_memory_days = 184",
        new="refusal_memory_days = 183",
        mark="refusal_memory_days",
        rule=Rule.WRONG_FORM,
        key="refusal_memory_days",
        message="183 is out of bounds",
        remedy="write a whole number from 184 to 3650",
    ),
    Mistake(
        name="a basis back from consent to legitimate interest",
        file="news.toml",
        old="validity_days = 184 # a shorter",
        new='basis = "legitimate_interest" # a shorter',
        mark='basis = "legitimate_interest"',
        rule=Rule.WIDENING,
        key='overrides."ads.personalised".basis',
        message=(
            'an override can only narrow: news cannot rest "ads.personalised" on '
            "legitimate_interest: only legitimate_interest may become consent"
        ),
        remedy='write basis = "consent", or remove it',
    ),
    Mistake(
        name="a stricter basis for what rests on consent already",
        file="news.toml",
        old="validity_days = 184 # a shorter",
        new='basis = "consent" # a shorter',
        mark='basis = "consent" # a shorter',
        rule=Rule.POINTLESS,
        key='overrides."ads.personalised".basis',
        message=(
            '"ads.personalised" rests on consent, and nothing at or under it on legitimate_interest'
        ),
        remedy="remove it",
    ),
    Mistake(
        name="a longer validity than the group's",
        file="news.toml",
        old="validity_days = 184 # a shorter",
        new="validity_days = 391 # a shorter",
        mark="validity_days = 391",
        rule=Rule.WIDENING,
        key='overrides."ads.personalised".validity_days',
        message=(
            'an override can only narrow: news would keep "ads.personalised" for 391 days, '
            "beyond the 390 that hold without it"
        ),
        remedy="write 390 or less, or remove it",
    ),
    Mistake(
        name="a longer validity than the brand's",
        file="shop.toml",
        old='[overrides.tv]\noff = true # and "tv.ads" with it',
        new="[overrides.content]\nvalidity_days = 366",
        mark="validity_days = 366",
        rule=Rule.WIDENING,
        key="overrides.content.validity_days",
        message=(
            'an override can only narrow: shop would keep "content" for 366 days, '
            "beyond the 365 that hold without it"
        ),
        remedy="write 365 or less, or remove it",
    ),
    Mistake(
        name="a longer validity than an ancestor's override",
        file="shop.toml",
        old="[overrides.tv]\noff = true",
        new='[overrides."ads.partners.retail"]\nvalidity_days = 91',
        mark="validity_days = 91",
        rule=Rule.WIDENING,
        key='overrides."ads.partners.retail".validity_days',
        message=(
            'an override can only narrow: shop would keep "ads.partners.retail" for 91 days, '
            "beyond the 90 that hold without it"
        ),
        remedy="write 90 or less, or remove it",
    ),
    Mistake(
        name="a brand's validity beyond the group's",
        file="shop.toml",
        old="validity_days = 365",
        new="validity_days = 400",
        mark="validity_days = 400",
        rule=Rule.WIDENING,
        key="validity_days",
        message="shop would keep grants for 400 days, the group for 390",
        remedy="write 390 or less, or remove it",
    ),
    Mistake(
        name="switching on what is off",
        file="news.toml",
        old="off = true",
        new="off = false",
        mark="off = false",
        rule=Rule.WIDENING,
        key="overrides.location.off",
        message=(
            'an override can only narrow: news cannot lift "off" from "location": false is no rule'
        ),
        remedy="remove it",
    ),
    Mistake(
        name="lifting the need of an own consent",
        file="play.toml",
        old="own = true",
        new="own = false",
        mark="own = false",
        rule=Rule.WIDENING,
        key="overrides.tv.own",
        message='an override can only narrow: play cannot lift "own" from "tv": false is no rule',
        remedy="remove it",
    ),
    Mistake(
        name="lifting adults only",
        file="play.toml",
        old="adults_only = true",
        new="adults_only = false",
        mark="adults_only = false",
        rule=Rule.WIDENING,
        key='overrides."ads.partners".adults_only',
        message=(
            'an override can only narrow: play cannot lift "adults_only" from "ads.partners": '
            "false is no rule"
        ),
        remedy="remove it",
    ),
    Mistake(
        name="a brand that would not ask",
        file="play.toml",
        old="own = true",
        new="ask = false\nown = true",
        mark="ask = false",
        rule=Rule.WIDENING,
        key="overrides.tv.ask",
        message='an override can only narrow: play cannot say whether "tv" is asked',
        remedy="remove it",
    ),
    Mistake(
        name="an override that says nothing",
        file="news.toml",
        old="off = true # we",
        new="# we",
        mark="[overrides.location]",
        rule=Rule.POINTLESS,
        key="overrides.location",
        message="this override says nothing",
        remedy="remove it, or write off, own, adults_only, validity_days or basis",
    ),
    Mistake(
        name="an override of a purpose that does not exist",
        file="news.toml",
        old="[overrides.location]",
        new="[overrides.locations]",
        mark="[overrides.locations]",
        rule=Rule.UNKNOWN_PURPOSE,
        key="overrides.locations",
        message='there is no purpose "locations"',
        remedy='did you mean "location"?',
    ),
    Mistake(
        name="a purpose without text in a declared language",
        file="group.toml",
        old="[purposes.location.texts.fr]",
        new="[purposes.location.texts.it]",
        alone=False,  # Italian is not declared
        mark="[purposes.location.texts.en]",
        rule=Rule.MISSING_TEXT,
        key="purposes.location.texts.fr",
        message='no text in the declared language "fr"',
        remedy="write a name and a description in it",
    ),
    Mistake(
        name="a topic without a name in a declared language",
        file="group.toml",
        old='culture = { en = "Culture", fr = "Culture" }',
        new='culture = { en = "Culture" }',
        mark='culture = { en = "Culture" }',
        rule=Rule.MISSING_TEXT,
        key='purposes."contact.email".topics.culture.fr',
        message='no name in the declared language "fr"',
        remedy='write fr = "..."',
    ),
    Mistake(
        name="words of the notice missing in a declared language",
        file="group.toml",
        old='save = "Enregistrer mes choix"\n',
        new="",
        mark="[texts.fr]",
        rule=Rule.MISSING_TEXT,
        key="texts.fr.save",
        message='no text in the declared language "fr"',
        remedy='write save = "..." in it',
    ),
    Mistake(
        name="a brand's own words in one language only",
        file="shop.toml",
        old='title = "Bienvenue au marché"\n',
        new="",
        mark="[texts.fr]",
        rule=Rule.MISSING_TEXT,
        key="texts.fr.title",
        message='no text in the declared language "fr", though there is one in "en"',
        remedy='write title = "..." in it',
    ),
    Mistake(
        name="a placeholder that nothing fills",
        file="news.toml",
        old='title = "Before you read on"',
        new='title = "Before you read {brnd}"',
        mark='title = "Before you read {brnd}"',
        rule=Rule.UNKNOWN_PLACEHOLDER,
        key="texts.en.title",
        message='there is nothing to put in for "{brnd}"',
        remedy='did you mean "brand"?',
    ),
    Mistake(
        name="a brace that stands alone",
        file="news.toml",
        old='title = "Before you read on"',
        new='title = "Before you read {on"',
        mark='title = "Before you read {on"',
        rule=Rule.UNKNOWN_PLACEHOLDER,
        key="texts.en.title",
        message="a brace stands alone",
        remedy="write {{ and }} for braces that are meant",
    ),
    Mistake(
        name="a language that the group does not speak",
        file="shop.toml",
        old="[texts.en]\n",
        new='[texts.de]\ntitle = "Willkommen"\n\n[texts.en]\n',
        mark="[texts.de]",
        rule=Rule.UNKNOWN_LANGUAGE,
        key="texts.de",
        message="the group does not declare this language",
        remedy="remove it, or add it to languages in group.toml (now: en, fr)",
    ),
    Mistake(
        name="a domain of two brands",
        file="shop.toml",
        old='domains = ["shop.localhost"]',
        new='domains = ["shop.localhost", "news.localhost"]',
        mark="domains",
        rule=Rule.DUPLICATE,
        key="domains[1]",
        message='the domain "news.localhost" is taken by news.toml',
        remedy="use another, or remove it from news.toml",
    ),
    Mistake(
        name="a domain of a brand and a partner",
        file="partners/reach.toml",
        old='domains = ["reach.localhost"]',
        new='domains = [\n  "reach.localhost",\n  "play.localhost",\n]',
        mark='  "play.localhost"',
        rule=Rule.DUPLICATE,
        key="domains[1]",
        message='the domain "play.localhost" is taken by play.toml',
        remedy="use another, or remove it from play.toml",
    ),
    Mistake(
        name="a brand at the hub's domain",
        file="news.toml",
        old='domains = ["news.localhost"]  ',
        new='domains = ["consent.localhost", "news.localhost"]  ',
        mark="domains",
        rule=Rule.DUPLICATE,
        key="domains[0]",
        message='the domain "consent.localhost" is taken by group.toml',
        remedy="use another, or remove it from group.toml",
    ),
    Mistake(
        name="an audience of two",
        file="play.toml",
        old="https://play.halcyon.example",
        new="https://market.halcyon.example",
        mark="audience",
        rule=Rule.DUPLICATE,
        key="audience",
        message='the audience "https://market.halcyon.example" is taken by play.toml',
        remedy="use another, or remove it from play.toml",
        told_in="shop.toml",
    ),
    Mistake(
        name="a purpose under itself",
        file="group.toml",
        old='[purposes.ads]\nbasis = "consent"',
        new='[purposes.ads]\nparent = "ads.partners.retail"\nbasis = "consent"',
        mark="parent = ",
        rule=Rule.CYCLE,
        key="purposes.ads.parent",
        message=("it goes in a circle: ads under ads.partners.retail under ads.partners under ads"),
        remedy="remove this parent",
    ),
    Mistake(
        name="a topic under itself",
        file="group.toml",
        old='sport = { en = "Sport"',
        new='sport = { parent = "football", en = "Sport"',
        mark="sport = ",
        rule=Rule.CYCLE,
        key='purposes."contact.email".topics.sport.parent',
        message="it goes in a circle: sport under football under sport",
        remedy="remove this parent",
    ),
    Mistake(
        name="a purpose under one that is not declared",
        file="group.toml",
        old='[purposes."tv.ads"',
        new='[purposes."telly.ads"',
        every=True,
        alone=False,  # the order speaks of it
        mark='[purposes."telly.ads"]',
        rule=Rule.UNKNOWN_PARENT,
        key='purposes."telly.ads"',
        message='there is no "telly" above it',
        remedy="declare the parent first",
    ),
    Mistake(
        name="a written parent that is not declared",
        file="group.toml",
        old='[purposes.tv]\nbasis = "consent"',
        new='[purposes.tv]\nparent = "contents"\nbasis = "consent"',
        mark="parent = ",
        rule=Rule.UNKNOWN_PARENT,
        key="purposes.tv.parent",
        message='there is no "contents" above it',
        remedy='did you mean "content"?',
    ),
    Mistake(
        name="a topic under one that is not declared",
        file="group.toml",
        old='parent = "culture"',
        new='parent = "cultures"',
        mark="cinema",
        rule=Rule.UNKNOWN_PARENT,
        key='purposes."contact.email".topics.cinema.parent',
        message='there is no "cultures" above it',
        remedy='did you mean "culture"?',
    ),
    Mistake(
        name="a written parent that the slug contradicts",
        file="group.toml",
        old='[purposes."tv.ads"]\nbasis = "consent"',
        new='[purposes."tv.ads"]\nparent = "ads"\nbasis = "consent"',
        mark="parent = ",
        rule=Rule.MISPLACED,
        key='purposes."tv.ads".parent',
        message='the slug "tv.ads" does not stand under it',
        remedy='write "tv", or remove it',
    ),
    Mistake(
        name="a brand's own purpose in the group's file",
        file="group.toml",
        old='[purposes."tv.ads"',
        new='[purposes."play:ads"',
        every=True,
        alone=False,  # the order speaks of it
        mark='[purposes."play:ads"]',
        rule=Rule.OUTSIDE_BRAND,
        key='purposes."play:ads"',
        message='only the brand "play" can declare it',
        remedy="declare it in play.toml, or name it without the brand in front in group.toml",
    ),
    Mistake(
        name="a brand's own purpose in another brand's file",
        file="play.toml",
        old='[purposes."play:together"',
        new='[purposes."news:together"',
        every=True,
        alone=False,  # the order speaks of it
        mark='[purposes."news:together"]',
        rule=Rule.OUTSIDE_BRAND,
        key='purposes."news:together"',
        message='only the brand "news" can declare it',
        remedy="declare it in news.toml, or name it without the brand in front in group.toml",
    ),
    Mistake(
        name="a purpose of the group in a brand's file",
        file="news.toml",
        old='[purposes."news:comments"',
        new="[purposes.comments",
        every=True,
        mark="[purposes.comments]",
        rule=Rule.OUTSIDE_BRAND,
        key="purposes.comments",
        message="a brand declares purposes of its own only",
        remedy='name it "news:comments", or declare it in group.toml',
    ),
    Mistake(
        name="an override of another brand's own purpose",
        file="news.toml",
        old="[overrides.location]",
        new='[overrides."shop:loyalty"]',
        mark='[overrides."shop:loyalty"]',
        rule=Rule.OUTSIDE_BRAND,
        key='overrides."shop:loyalty"',
        message='"shop:loyalty" is the brand shop\'s own, and news has no part in it',
        remedy="remove it",
    ),
    Mistake(
        name="a partner that lists a brand's own purpose",
        file="partners/reach.toml",
        old='"ads.partners.retail"]',
        new='"ads.partners.retail", "shop:loyalty"]',
        mark="purposes = ",
        rule=Rule.OUTSIDE_BRAND,
        key="purposes[3]",
        message='"shop:loyalty" is the brand shop\'s own, and reach has no part in it',
        remedy="remove it",
    ),
    Mistake(
        name="a retired purpose that is back",
        file="group.toml",
        old='[retired.purposes]\n"ads.retargeting"',
        new='[retired.purposes]\n"tv.ads"',
        mark='[purposes."tv.ads"]',
        rule=Rule.REUSED_SLUG,
        key='purposes."tv.ads"',
        message='the slug "tv.ads" was retired on 2026-03-02',
        remedy="choose another: old decisions still speak of it",
    ),
    Mistake(
        name="a client id of two",
        file="shop.toml",
        old="[clients.shop-web]",
        new="[clients.news-web]",
        mark="[clients.news-web]",
        rule=Rule.REUSED_SLUG,
        key="clients.news-web",
        message='the client id "news-web" is taken by news.toml',
        remedy="use another, or remove it from news.toml",
    ),
    Mistake(
        name="a notice that names nobody known",
        file="shop.toml",
        old='names = ["shop"]',
        new='names = ["shop", "plya"]',
        mark="names",
        rule=Rule.UNKNOWN_PARTY,
        key="notice.names[1]",
        message='there is no brand or partner "plya"',
        remedy='did you mean "play"?',
    ),
    Mistake(
        name="a notice that leaves its own brand out",
        file="shop.toml",
        old='names = ["shop"]',
        new='names = ["play"]',
        mark="names",
        rule=Rule.CONTRADICTION,
        key="notice.names",
        message="the notice of shop does not name shop itself",
        remedy='add "shop"',
    ),
    Mistake(
        name="a portal client of no brand",
        file="group.toml",
        old='shop = "halcyon-market"',
        new='shpo = "halcyon-market"',
        mark="shpo",
        rule=Rule.UNKNOWN_PARTY,
        key="portal.clients.shpo",
        message='there is no brand "shpo"',
        remedy='did you mean "shop"?',
    ),
    Mistake(
        name="a portal client of two brands",
        file="group.toml",
        old='play = "halcyon-play"',
        new='play = "halcyon-news"',
        mark="play = ",
        rule=Rule.DUPLICATE,
        key="portal.clients.play",
        message='"halcyon-news" is a client of somebody else at the portal already',
        remedy="register a client of its own there: ID tokens are told apart by it",
    ),
    Mistake(
        name="a signal for no purpose",
        file="group.toml",
        old='gpc = ["ads.personalised", "ads.partners"]',
        new='gpc = ["ads.personalised", "ads.partner"]',
        mark="gpc",
        rule=Rule.UNKNOWN_PURPOSE,
        key="signals.gpc[1]",
        message='there is no purpose "ads.partner"',
        remedy='did you mean "ads.partners"?',
    ),
    Mistake(
        name="an unknown signal",
        file="group.toml",
        old="gpc = [",
        new="gcp = [",
        mark="gcp",
        rule=Rule.UNKNOWN_KEY,
        key="signals.gcp",
        message="unknown key",
        remedy='did you mean "gpc"?',
    ),
    Mistake(
        name="plain http beyond this machine",
        file="group.toml",
        old='issuer = "http://consent.localhost:7600"',
        new='issuer = "http://consent.halcyon.example"',
        mark='issuer = "http://consent',
        rule=Rule.WRONG_FORM,
        key="issuer",
        message='"http://consent.halcyon.example" will not do',
        remedy=(
            "write an issuer's address over https (http for *.localhost only), "
            "without query, fragment or closing slash"
        ),
    ),
    Mistake(
        name="a scheme among the domains",
        file="news.toml",
        old='domains = ["news.localhost"]',
        new='domains = ["news.localhost", "https://news.localhost"]',
        mark="domains",
        rule=Rule.WRONG_FORM,
        key="domains[1]",
        message='"https://news.localhost" will not do',
        remedy=(
            'write a host name in small letters such as "news.example", without scheme or port'
        ),
    ),
    Mistake(
        name="an origin at no domain of the brand",
        file="news.toml",
        old='origins = ["http://news.localhost:7600"]',
        new='origins = ["http://shop.localhost:7600"]',
        mark="origins",
        rule=Rule.CONTRADICTION,
        key="origins[0]",
        message='"shop.localhost" is none of the domains',
        remedy="add it to domains, or correct the origin",
    ),
    Mistake(
        name="a malformed slug",
        file="group.toml",
        old="[purposes.location",
        new="[purposes.Location",
        every=True,
        alone=False,  # an override speaks of it
        mark="[purposes.Location]",
        rule=Rule.WRONG_FORM,
        key="purposes.Location",
        message='"Location" will not do',
        remedy=(
            'write a purpose\'s slug such as "ads.personalised" '
            '(a to z, 0 to 9, "_", dots between steps)'
        ),
    ),
    Mistake(
        name="a word that is none of the set",
        file="group.toml",
        old='identity = "account_prevails"',
        new='identity = "account_prevale"',
        mark="identity",
        rule=Rule.WRONG_FORM,
        key="identity",
        message='"account_prevale" will not do',
        remedy='did you mean "account_prevails"?',
    ),
    Mistake(
        name="a rule of style smuggled into a colour",
        file="shop.toml",
        old='ink = "#10231c"',
        new='ink = "#10231c; } body { display: none"',
        mark="ink",
        rule=Rule.WRONG_FORM,
        key="look.ink",
        message='"#10231c; } body { display: none" will not do',
        remedy='write a colour such as "#0b3d91", in small letters',
    ),
    Mistake(
        name="words that cannot be read on their ground",
        file="shop.toml",
        old='on_accent = "#ffffff"',
        new='on_accent = "#88aa99"',
        mark="on_accent",
        rule=Rule.LOW_CONTRAST,
        key="look.on_accent",
        message="its contrast with accent is 2.55, and 4.5 is needed",
        remedy="choose on_accent and accent further apart in lightness",
    ),
    Mistake(
        name="a purpose that must be answered though nobody is asked",
        file="group.toml",
        old='basis = "contract"',
        new='basis = "contract"\nask = true',
        mark="ask = true",
        rule=Rule.CONTRADICTION,
        key="purposes.billing.ask",
        message="what rests on contract cannot have to be answered",
        remedy='remove it, or write basis = "consent"',
    ),
    Mistake(
        name="a partner that collects for the group",
        file="partners/reach.toml",
        old='scopes = ["verify"]',
        new='scopes = ["verify"]\ncollects = "group"',
        mark="collects",
        rule=Rule.WIDENING,
        key="clients.reach-api.collects",
        message="a partner cannot collect consent for the group",
        remedy='write collects = "own"',
    ),
    Mistake(
        name="a TV that collects for the group",
        file="play.toml",
        old='collects = "own"\nsurface = "tv"',
        new='collects = "group"\nsurface = "tv"',
        mark='collects = "group"',
        rule=Rule.WIDENING,
        key="clients.play-tv.collects",
        message="a client that keeps no secret cannot collect consent for the group",
        remedy='write collects = "own", or give it a secret',
    ),
    Mistake(
        name="a partner's notice that speaks for the group",
        file="partners/reach.toml",
        old="[texts.en]",
        new='[notice]\nnames = "all"\n\n[texts.en]',
        mark="names",
        rule=Rule.WIDENING,
        key="notice.names",
        message="a partner's notice speaks for the partner alone",
        remedy='write names = ["reach"], or remove it',
    ),
    Mistake(
        name="one undertaking described in two ways",
        file="play.toml",
        old='id = "halcyon-play"',
        new='id = "halcyon-news"',
        mark="[legal_entity]",
        rule=Rule.CONTRADICTION,
        key="legal_entity",
        message='"halcyon-news" is described differently in news.toml',
        remedy="describe it alike, or give this undertaking an id of its own",
    ),
    Mistake(
        name="text that turns its direction",
        file="news.toml",
        old='title = "Before you read on"',
        new='title = "Before you \\u202Eread on"',
        mark='title = "Before',
        rule=Rule.WRONG_FORM,
        key="texts.en.title",
        message='"Before you \u202eread on" will not do',
        remedy="write text of 1 to 240 characters on one line",
    ),
    Mistake(
        name="a table declared twice",
        file="group.toml",
        old='[purposes."tv.ads"]',
        new='[purposes."tv"]',
        mark='[purposes."tv"]',
        rule=Rule.REUSED_SLUG,
        key="purposes.tv",
        message="this is declared twice",
        remedy="keep one, or give the other a slug of its own",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_each_mistake_is_told_with_its_file_line_key_and_remedy(
    folder: Folder, mistake: Mistake
) -> None:
    folder.replace(mistake.file, mistake.old, mistake.new, every=mistake.every)
    problems = folder.problems()
    file = mistake.told_in or mistake.file
    assert (
        Problem(
            rule=mistake.rule,
            file=file,
            line=folder.line_of(file, mistake.mark),
            key=mistake.key,
            message=mistake.message,
            remedy=mistake.remedy,
        )
        in problems
    ), report(problems)
    assert (len(problems) == 1) == mistake.alone, report(problems)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_files(folder: Folder) -> None:
    folder.replace("shop.toml", "validity_days = 90", "validity_days = 900")
    folder.replace("group.toml", "identity =", "identities =")
    folder.replace("group.toml", '[retired.purposes]\n"ads.ret', '[retired.purpose]\n"ads.ret')
    folder.replace("partners/reach.toml", 'country = "DE"', 'country = "Germany"')
    assert [(each.file, each.key) for each in folder.problems()] == [
        ("group.toml", "identities"),
        ("group.toml", "retired.purpose"),
        ("partners/reach.toml", "legal_entity.country"),
        ("shop.toml", 'overrides."ads.partners".validity_days'),
    ]


def test_a_report_gives_place_and_remedy_on_two_lines(folder: Folder) -> None:
    folder.replace("news.toml", "off = true", "of = true")
    problems = folder.problems()
    line = folder.line_of("news.toml", "of = true")
    assert report(problems).splitlines() == [
        f"news.toml:{line - 1}: overrides.location: this override says nothing",
        "    remove it, or write off, own, adults_only, validity_days or basis",
        f"news.toml:{line}: overrides.location.of: unknown key",
        '    did you mean "off"?',
    ]


def test_a_file_that_is_no_toml_is_told_with_line_and_column(folder: Folder) -> None:
    folder.write("news.toml", 'name = "Halcyon News"\ndomains = [\n  "a" "b"\n]\n')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 3)
    assert problem.message == "not valid TOML: Unclosed array (column 7)"


def test_a_file_that_ends_too_soon_is_told_at_its_end(folder: Folder) -> None:
    folder.write("news.toml", 'name = "Halcyon News"\ndomains = [')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 2)


def test_a_file_that_is_no_utf_8_is_told_at_the_line_of_the_wrong_byte(folder: Folder) -> None:
    _ = (folder.path / "news.toml").write_bytes(b'name = "Halcyon News"\naudience = "\xff"\n')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 2)
    assert problem.message == "the file is not UTF-8 text"


def test_files_with_windows_line_ends_and_a_byte_order_mark_load_alike(folder: Folder) -> None:
    before = folder.load()
    text = folder.read("news.toml")
    folder.write("news.toml", "\ufeff" + text.replace("\n", "\r\n"))
    after = folder.load()
    assert after.book == before.book
    assert after.pages == before.pages


def test_a_folder_without_the_groups_file_is_refused(folder: Folder) -> None:
    (folder.path / "group.toml").unlink()
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.MISSING_FILE, "group.toml", 1)


def test_a_folder_without_a_brand_is_refused(folder: Folder) -> None:
    for slug in ("news", "shop", "play"):
        (folder.path / f"{slug}.toml").unlink()
    (problem,) = folder.problems()
    assert (problem.rule, problem.message) == (Rule.MISSING_FILE, "no brand stands beside it")


def test_a_file_whose_name_is_no_slug_is_refused(folder: Folder) -> None:
    folder.write("Bad_Name.toml", 'name = "x"')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file) == (Rule.WRONG_FORM, "Bad_Name.toml")


def test_files_that_are_no_configuration_are_left_alone(folder: Folder) -> None:
    folder.write("README.md", "Read me.")
    folder.write(".news.toml", "not = [valid")
    assert folder.load()


def test_a_partner_with_a_brands_slug_is_refused(folder: Folder) -> None:
    partner = folder.read("partners/reach.toml").replace("reach.localhost", "other.localhost")
    partner = partner.replace("reach-", "other-").replace("Reach Media", "Other Media")
    folder.write("partners/shop.toml", partner)
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line, problem.key) == (
        Rule.REUSED_SLUG,
        "partners/shop.toml",
        1,
        "",
    )
    assert problem.message == 'the slug "shop" is taken by shop.toml'
    assert problem.remedy == "rename this file: brands and partners share their slugs"


def test_a_brand_with_a_retired_slug_is_refused(folder: Folder) -> None:
    retired = '[retired.parties]\nplay = { on = 2026-05-01, reason = "Sold." }\n\n[texts.en]'
    folder.replace("group.toml", "[texts.en]", retired)
    (problem,) = folder.problems()
    assert (problem.rule, problem.file) == (Rule.REUSED_SLUG, "play.toml")
    assert problem.message == 'the slug "play" was retired on 2026-05-01'


def test_a_catalogue_whose_tokens_could_be_too_large_is_refused(folder: Folder) -> None:
    extra = "".join(
        f"""
[purposes."tv.an_awfully_long_name_number_{number}"]
basis = "consent"
source = "first_party"
data = ["viewing"]
texts = {{ en = {{ name = "A", description = "A" }}, fr = {{ name = "A", description = "A" }} }}
"""
        for number in range(12)
    )
    folder.write("group.toml", folder.read("group.toml") + extra)
    said = [(each.rule, each.file, each.line, each.key, each.remedy) for each in folder.problems()]
    # Not at the shop, where TV is off, and not at the partner, which lists what it may have.
    remedy = "offer fewer purposes here (off), or give them shorter slugs"
    assert said == [
        (Rule.TOKEN_TOO_LARGE, "news.toml", 1, "", remedy),
        (Rule.TOKEN_TOO_LARGE, "play.toml", 1, "", remedy),
    ]
