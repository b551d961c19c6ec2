"""The tour for somebody at a terminal: addresses, people, and commands to paste.

The commands use curl, which resolves ``*.localhost`` by itself, and say each thing that the tour
asserts, one step at a time.
"""

from collections.abc import Iterator

from consentid.demo import halcyon
from consentid.demo.portal_client import SIGNED_IN
from consentid.demo.portal_customers import INVENTED
from consentid.demo.tour_scene import Scene

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
_CONSENT = "urn:consentid:params:oauth:token-type:consent_token"
_CIBA = "urn:openid:params:grant-type:ciba"
_CALLS = "news-calls"
_JSON = 'python3 -c "import json,sys; print(json.load(sys.stdin)[sys.argv[1]])"'

_SIGN_IN = r"""
# Signs somebody in on the portal's own page, as a browser does: authorization code with PKCE.
sign_in() {  # CLIENT:SECRET SITE LOGIN PASSWORD
  local page action token answer verifier=$(openssl rand -hex 32)
  page=$(curl -s -c jar -G $PORTAL/authorize -d response_type=code -d scope=openid -d state=s \
    -d client_id=${1%%:*} -d redirect_uri=$2$BACK -d code_challenge_method=S256 \
    -d code_challenge=$(printf %s $verifier | openssl dgst -sha256 -binary | base64 |
      tr +/ -_ | tr -d =))
  action=$(echo "$page" | sed -n 's/.*action="\([^"]*\)".*/\1/p' | sed 's/&amp;/\&/g')
  token=$(echo "$page" | sed -n 's/.*form_token" value="\([^"]*\)".*/\1/p')
  answer=$(curl -s -b jar -o /dev/null -w '%{redirect_url}' "$PORTAL$action" \
    -d form_token=$token -d act=enter -d login=$3 --data-urlencode "password=$4"); rm jar
  curl -s -u "$1" $PORTAL/token -d grant_type=authorization_code -d redirect_uri=$2$BACK \
    -d code_verifier=$verifier -d code=$(echo "$answer" | sed 's/.*[?&]code=\([^&]*\).*/\1/') |
    field id_token
}
"""


def addresses(scene: Scene) -> Iterator[tuple[str, str]]:
    """What answers where."""
    yield "the hub", f"{scene.hub}/schema"
    yield "the portal", f"{scene.portal}/.well-known/openid-configuration"
    for party in halcyon.PARTIES:
        profile = halcyon.profile_of(scene.book, party)
        yield profile.name, halcyon.url_of(party, scene.port)


def people(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """Login, password and name of everybody at the portal."""
    for login, name, adult in INVENTED:
        note = name if adult else f"{name}, a minor"
        yield login, scene.secrets.passwords[login], note


def commands(scene: Scene) -> str:
    """A shell's worth of tour."""
    news, shop = (halcyon.client_of(scene.book, brand) for brand in ("news", "shop"))
    secrets = scene.secrets
    portal_news = halcyon.portal_client_of(scene.book, "news")
    portal_shop = halcyon.portal_client_of(scene.book, "shop")
    audience = scene.audience_of("shop")
    news_site, shop_site = (halcyon.url_of(brand, scene.port) for brand in ("news", "shop"))
    return f"""\
# 0  Addresses and secrets of this demo.
HUB={scene.hub}  PORTAL={scene.portal}
NEWS={news}:{secrets.clients[news]}
SHOP={shop}:{secrets.clients[shop]}
CALLS={_CALLS}:{secrets.clients[_CALLS]}
PORTAL_NEWS={portal_news}:{secrets.portal_clients[portal_news]}
PORTAL_SHOP={portal_shop}:{secrets.portal_clients[portal_shop]}
field() {{ {_JSON} "$1"; }}
BACK={SIGNED_IN}
{_SIGN_IN}
# 1  Mila signs in at Halcyon News; News exchanges her ID token for an access token.
ID=$(sign_in "$PORTAL_NEWS" {news_site} mila '{secrets.passwords["mila"]}')
MILA=$(curl -s -u "$NEWS" $HUB/token -d grant_type={_EXCHANGE} \\
       -d subject_token_type={_ID_TOKEN} -d subject_token="$ID" | field access_token)

# 2  What News may ask, in words; Mila says yes to two purposes, for the whole group.
APP=$(curl -s -u "$NEWS" $HUB/token -d grant_type=client_credentials \\
      --data-urlencode 'scope=decisions:read verify' | field access_token)
SHOWN=$(curl -s -H "Authorization: Bearer $APP" "$HUB/v1/catalogue?brand=news&language=en")
echo "$SHOWN" | python3 -c 'import json,sys; shown=json.load(sys.stdin); json.dump({{
  "served": shown["served"], "notice": shown["notice"], "reach": "group",
  "choices": [{{"purpose": p, "outcome": "granted"}} for p in ("audience.research", "content")]}},
  sys.stdout)' | curl -s -H "Authorization: Bearer $MILA" -H "Idempotency-Key: $RANDOM$RANDOM" \\
  -H 'Content-Type: application/json' -d @- $HUB/v1/decisions | python3 -m json.tool | head -20

# 3  The shop gets a signed token for the same person, without asking her.
ID=$(sign_in "$PORTAL_SHOP" {shop_site} mila '{secrets.passwords["mila"]}')
TOKEN=$(curl -s -u "$SHOP" $HUB/token -d grant_type={_EXCHANGE} \\
        -d subject_token_type={_ID_TOKEN} -d subject_token="$ID" \\
        -d requested_token_type={_CONSENT} | field access_token)

# 4  Anybody can check it, offline: two files and no network.
curl -s $HUB/jwks.json > jwks.json
LIST=$(echo "$TOKEN" | cut -d. -f2 | python3 -c 'import base64,json,sys; part=sys.stdin.read()
print(json.loads(base64.urlsafe_b64decode(part+"=="))["status"]["status_list"]["uri"])')
curl -s "$LIST" > status-list.jwt
uv run consentid verify --jwks jwks.json --status-list status-list.jwt \\
  --audience {audience} "$TOKEN"

# 5  Mila withdraws everywhere; six seconds later the list says so too.
curl -s -H "Authorization: Bearer $MILA" -H "Idempotency-Key: $RANDOM$RANDOM" \\
  -H 'Content-Type: application/json' -d '{{"reach": "group", "all": true}}' \\
  $HUB/v1/withdrawals > /dev/null; sleep 6; curl -s "$LIST" > status-list.jwt
uv run consentid verify --jwks jwks.json --status-list status-list.jwt \\
  --audience {audience} "$TOKEN"

# 6  Mila is on the telephone: the call centre of News keys in her yes, and asks her to confirm it.
AGENT=$(curl -s -u "$CALLS" $HUB/token -d grant_type=client_credentials \\
        -d scope=captures:write | field access_token)
CAPTURE=$(curl -s "$HUB/v1/catalogue?brand=news&language=en" | python3 -c '
import json,sys; json.dump({{
  "notice": json.load(sys.stdin)["notice"], "channel": "phone", "operator": "agent-7",
  "choices": [{{"purpose": "contact.sms", "outcome": "granted"}}],
  "evidence": {{"kind": "script", "version": "v3"}}}}, sys.stdout)' |
  curl -s -H "Authorization: Bearer $AGENT" -H "Idempotency-Key: $RANDOM$RANDOM" \\
    -H 'Content-Type: application/json' -d @- $HUB/v1/captures | field capture)
ID=$(sign_in "$PORTAL_NEWS" {news_site} mila '{secrets.passwords["mila"]}')
PERSON=$(curl -s -u "$CALLS" $HUB/token -d grant_type={_EXCHANGE} \\
         -d subject_token_type={_ID_TOKEN} -d subject_token="$ID" | field access_token)
curl -s -H "Authorization: Bearer $PERSON" -H 'Content-Type: application/json' -d '{{}}' \\
  $HUB/v1/captures/$CAPTURE/resolution; echo
ID=$(sign_in "$PORTAL_NEWS" {news_site} mila '{secrets.passwords["mila"]}')  # each is good once
ASKED=$(curl -s -u "$CALLS" $HUB/bc-authorize -d scope=openid -d id_token_hint="$ID" \\
        -d "binding_message=Lion 42" -d capture=$CAPTURE | field auth_req_id)
echo "Now open $HUB/approvals as mila, and answer; then:"
poll() {{ curl -s -u "$CALLS" $HUB/token -d grant_type={_CIBA} -d auth_req_id=$ASKED; echo; }}; poll
"""
