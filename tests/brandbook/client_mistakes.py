"""One edit of the Halcyon files per mistake about a client, and what must be said of it."""

import json
from typing import Final

from tests.brandbook.mistakes import Mistake

from consentid.brandbook import form
from consentid.brandbook.client import GrantType
from consentid.brandbook.problem import Rule

_REDIRECT: Final = 'redirect_uris = ["http://news.localhost:7600/callback"]'
_SPA: Final = 'id_token_signed_response_alg = "ES256"'
_TV: Final = 'tokens = "tv"'
_API: Final = """[clients.reach-api] # checks the tokens that are meant for it
auth = "client_secret_basic\""""
_FORMS: Final = """[clients.reach-forms] # its own form, for its own use
auth = "client_secret_basic\""""
_KEY: Final = (  # the example of RFC 7515, appendix A.3
    'kty = "EC", crv = "P-256", kid = "a", alg = "ES256", '
    'x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", '
    'y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"'
)
_REDIRECT_RIGHT: Final = f"write {form.REDIRECT.right}"
_NEVER: Final = "write its public half, and replace the key: whoever read this file has it"


def _grants(beside: str, *grants: str) -> str:
    return f"grant_types = {json.dumps(grants)}\n{beside}"


_PARTNERS_PAGE: Final = (
    _FORMS.replace("client_secret_basic", "none")
    + "\n"
    + _grants("", GrantType.AUTHORIZATION_CODE, GrantType.HAND_OFF)
)


def _keys(key: str) -> str:
    return f"jwks = {{ keys = [{{ {key} }}] }}"


def _signing(line: str) -> str:
    return f"{_API.replace('client_secret_basic', 'private_key_jwt')}\n{line}"


CLIENT_MISTAKES = (
    Mistake(
        name="an audience that is not the brand's",
        file="news.toml",
        old=_REDIRECT,
        new=f'{_REDIRECT}\naudience = "https://market.halcyon.example"',
        mark='audience = "https://market',
        rule=Rule.CONTRADICTION,
        key="clients.news-web.audience",
        message='"https://market.halcyon.example" is none of the audiences of news',
        remedy="add it to other_audiences, or correct it",
    ),
    Mistake(
        name="a redirect to somebody else",
        file="news.toml",
        old=_REDIRECT,
        new=_REDIRECT.replace("news.localhost:7600", "evil.localhost:7600"),
        mark='redirect_uris = ["http://evil',
        rule=Rule.CONTRADICTION,
        key="clients.news-web.redirect_uris[0]",
        message='"evil.localhost" is none of the domains',
        remedy="add it to domains, or correct the address",
    ),
    Mistake(
        name="a redirect with a fragment",
        file="news.toml",
        old=_REDIRECT,
        new=_REDIRECT.replace("/callback", "/#x"),
        mark='redirect_uris = ["http://news.localhost:7600/#',
        rule=Rule.WRONG_FORM,
        key="clients.news-web.redirect_uris[0]",
        message='"http://news.localhost:7600/#x" will not do',
        remedy=_REDIRECT_RIGHT,
    ),
    Mistake(
        name="a redirect that climbs",
        file="news.toml",
        old=_REDIRECT,
        new=_REDIRECT.replace("/callback", "/a/../b"),
        mark='redirect_uris = ["http://news.localhost:7600/a/',
        rule=Rule.WRONG_FORM,
        key="clients.news-web.redirect_uris[0]",
        message='"http://news.localhost:7600/a/../b" will not do',
        remedy=_REDIRECT_RIGHT,
    ),
    Mistake(
        name="a back end with the scheme of an app",
        file="news.toml",
        old=_REDIRECT,
        new='redirect_uris = ["com.example.news:/callback"]',
        mark='redirect_uris = ["com',
        rule=Rule.CONTRADICTION,
        key="clients.news-web.redirect_uris[0]",
        message="an app's own scheme is for apps",
        remedy='write an https address, or application_type = "native"',
    ),
    Mistake(
        name="an app that trusts the name localhost",
        file="news.toml",
        old='"http://127.0.0.1/callback"',
        new='"http://localhost/callback"',
        mark='  "http://localhost',
        rule=Rule.CONTRADICTION,
        key="clients.news-app.redirect_uris[0]",
        message='"localhost" may name another machine\'s address (RFC 8252 section 8.3)',
        remedy="write http://127.0.0.1/... or http://[::1]/...; any port will do there",
    ),
    Mistake(
        name="a code without an address to return to",
        file="play.toml",
        old=_TV,
        new=_grants(_TV, "authorization_code"),
        mark="grant_types",
        rule=Rule.CONTRADICTION,
        key="clients.play-tv.grant_types",
        message="authorization_code needs an address to return to",
        remedy="write redirect_uris, or remove authorization_code",
    ),
    Mistake(
        name="an address without a code to bring",
        file="news.toml",
        old=_SPA,
        new=_grants(_SPA, GrantType.TOKEN_EXCHANGE),
        mark='redirect_uris = ["http://news.localhost:7600/spa',
        rule=Rule.CONTRADICTION,
        key="clients.news-spa.redirect_uris",
        message="nobody returns to this address without authorization_code",
        remedy="add authorization_code to grant_types, or remove the addresses",
    ),
    Mistake(
        name="a refresh token of nothing",
        file="play.toml",
        old=_TV,
        new=_grants(_TV, "refresh_token"),
        mark="grant_types",
        rule=Rule.CONTRADICTION,
        key="clients.play-tv.grant_types",
        message="refresh tokens come with authorization_code, device_code or ciba only",
        remedy="add one of them, or remove refresh_token",
    ),
    Mistake(
        name="credentials of a client that has none",
        file="play.toml",
        old=_TV,
        new=_grants(_TV, "client_credentials"),
        mark="grant_types",
        rule=Rule.WIDENING,
        key="clients.play-tv.grant_types",
        message="a client that keeps no secret has no credentials",
        remedy="remove client_credentials",
    ),
    Mistake(
        name="a question from whoever says who it is",
        file="play.toml",
        old=_TV,
        new=_grants(_TV, GrantType.CIBA),
        mark="grant_types",
        rule=Rule.WIDENING,
        key="clients.play-tv.grant_types",
        message="whoever keeps no secret asks nobody who is elsewhere",
        remedy="remove it from grant_types, or give the client a secret or a key",
    ),
    Mistake(
        name="a device code for a page",
        file="news.toml",
        old=_SPA,
        new=_grants(_SPA, "authorization_code", GrantType.DEVICE_CODE),
        mark='grant_types = ["authorization_code"',
        rule=Rule.CONTRADICTION,
        key="clients.news-spa.grant_types",
        message="a device code is for a TV or an app",
        remedy='write application_type = "native", or remove it from grant_types',
    ),
    Mistake(
        name="a link that leads to no page",
        file="play.toml",
        old=_TV,
        new=_grants(_TV, GrantType.DEVICE_CODE, GrantType.HAND_OFF),
        mark="grant_types",
        rule=Rule.CONTRADICTION,
        key="clients.play-tv.grant_types",
        message="a link leads to a page, and its script takes the visitor over",
        remedy='write application_type = "browser", or remove it from grant_types',
    ),
    Mistake(
        name="a partner that takes visitors over",
        file="partners/reach.toml",
        old=_FORMS,
        new=_PARTNERS_PAGE,
        mark="grant_types",
        rule=Rule.WIDENING,
        key="clients.reach-forms.grant_types",
        message="a partner takes nobody over from a brand's link",
        remedy="remove it from grant_types",
    ),
    Mistake(
        name="a script that keeps a secret",
        file="news.toml",
        old=_REDIRECT,
        new=_REDIRECT + '\napplication_type = "browser"',
        mark="application_type",
        rule=Rule.CONTRADICTION,
        key="clients.news-web.application_type",
        message="a page's script can keep no secret",
        remedy='write auth = "none", or application_type = "web"',
    ),
    Mistake(
        name="a sign-out told to a page",
        file="news.toml",
        old=_SPA,
        new=_SPA + '\nbackchannel_logout_uri = "http://news.localhost:7600/out"',
        mark='backchannel_logout_uri = "http://news.localhost:7600/out"',
        rule=Rule.CONTRADICTION,
        key="clients.news-spa.backchannel_logout_uri",
        message="a client without a back end cannot be told of a logout",
        remedy="remove it",
    ),
    Mistake(
        name="a sign-out told to somebody else",
        file="news.toml",
        old='backchannel_logout_uri = "http://news.localhost:7600/',
        new='backchannel_logout_uri = "https://evil.example/',
        mark="backchannel_logout_uri",
        rule=Rule.CONTRADICTION,
        key="clients.news-web.backchannel_logout_uri",
        message='"evil.example" is none of the domains',
        remedy="add it to domains, or correct the address",
    ),
    Mistake(
        name="a sign-out told to a partner",
        file="partners/reach.toml",
        old=_API,
        new=_API + '\nbackchannel_logout_uri = "http://reach.localhost:7600/out"',
        mark="backchannel_logout_uri",
        rule=Rule.WIDENING,
        key="clients.reach-api.backchannel_logout_uri",
        message="partners told of a logout at the same moment know whom they have in common",
        remedy="remove it",
    ),
    Mistake(
        name="keys fetched from an address",
        file="partners/reach.toml",
        old=_API,
        new=_signing('jwks_uri = "https://reach-media.example/keys"'),
        mark="jwks_uri",
        rule=Rule.UNKNOWN_KEY,
        key="clients.reach-api.jwks_uri",
        message="unknown key",
        remedy="write jwks or jwks_file",
        alone=False,
    ),
    Mistake(
        name="a signing client without a key",
        file="partners/reach.toml",
        old=_API,
        new=_signing(""),
        mark="[clients.reach-api]",
        rule=Rule.MISSING_KEY,
        key="clients.reach-api.jwks",
        message="a client that authenticates by private_key_jwt needs a public key",
        remedy='write jwks = { keys = [{ ... }] }, or jwks_file = "<name>.json"',
    ),
    Mistake(
        name="a key of a client that signs nothing",
        file="partners/reach.toml",
        old=_API,
        new=_API + "\n" + _keys(_KEY),
        mark="jwks",
        rule=Rule.POINTLESS,
        key="clients.reach-api.jwks",
        message="a client that authenticates by client_secret_basic signs nothing",
        remedy='remove it, write auth = "private_key_jwt", or give it the scope "links:write"',
    ),
    Mistake(
        name="a private key in the files",
        file="partners/reach.toml",
        old=_API,
        new=_signing(_keys(f'{_KEY}, d = "c2VjcmV0"')),
        mark="jwks",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks.keys[0].d",
        message="a private or symmetric key must never stand here",
        remedy=_NEVER,
        alone=False,
    ),
    Mistake(
        name="a symmetric key in the files",
        file="partners/reach.toml",
        old=_API,
        new=_signing(_keys('kty = "oct", kid = "a", alg = "HS256", k = "c2VjcmV0"')),
        mark="jwks",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks.keys[0].k",
        message="a private or symmetric key must never stand here",
        remedy=_NEVER,
        alone=False,
    ),
    Mistake(
        name="a public key said to be symmetric",
        file="partners/reach.toml",
        old=_API,
        new=_signing(_keys(_KEY.replace("ES256", "HS256"))),
        mark="jwks",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks.keys[0].alg",
        message="a key of kind EC must name its one algorithm",
        remedy='write "ES256"',
        alone=False,
    ),
    Mistake(
        name="a point beside the curve",
        file="partners/reach.toml",
        old=_API,
        new=_signing(_keys(_KEY.replace("f83O", "f83P"))),
        mark="jwks",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks.keys[0]",
        message="this is no EC key that may be used here",
        remedy="use P-256, or RSA of 2048 to 4096 bits",
        alone=False,
    ),
    Mistake(
        name="a file of keys that is not there",
        file="partners/reach.toml",
        old=_API,
        new=_signing('jwks_file = "nowhere.json"'),
        mark="jwks_file",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks_file",
        message="there is no such file",
        remedy="write a JSON Web Key Set beside this file",
        alone=False,
    ),
    Mistake(
        name="a file of keys outside the folder",
        file="partners/reach.toml",
        old=_API,
        new=_signing('jwks_file = "../keys.json"'),
        mark="jwks_file",
        rule=Rule.WRONG_FORM,
        key="clients.reach-api.jwks_file",
        message='"../keys.json" will not do',
        remedy='write the name of a file beside this one, such as "keys.json"',
        alone=False,
    ),
    Mistake(
        name="a client that may ask for what nobody declared",
        file="news.toml",
        old=_REDIRECT,
        new=_REDIRECT + '\npurposes = ["adz"]',
        mark='purposes = ["adz"]',
        rule=Rule.UNKNOWN_PURPOSE,
        key="clients.news-web.purposes[0]",
        message='there is no purpose "adz"',
        remedy='did you mean "ads"?',
    ),
    Mistake(
        name="a partner's client that may ask for more than the partner",
        file="partners/reach.toml",
        old=_API,
        new=_API + '\npurposes = ["location"]',
        mark='purposes = ["location"]',
        rule=Rule.WIDENING,
        key="clients.reach-api.purposes",
        message='reach may not be granted "location"',
        remedy="add it to the partner's purposes, or remove it here",
    ),
)
