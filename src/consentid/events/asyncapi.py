"""The contract for machines, made from the structures that events are made of.

Spec: AsyncAPI 3.0.0, JSON Schema 2020-12.
"""

from typing import Any, Final, get_args

import msgspec

from consentid.events import security_events
from consentid.events.contract import MEDIA_TYPE, VERSION, Event, Kind
from consentid.events.security_events import SetClaims

_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = """\
Each receiver is a client, and has a sequence of its own without a gap. Events name people by the
receiver's own identifiers, and come in order; a webhook gets the events of one person in order.
Deliveries may be repeated: an `id` is one event. What holds is in `effective`, whole, each time.
Ignore an entry whose `revision` is below the one that you hold.
"""


def document(issuer: str) -> dict[str, Any]:
    """The document of one hub."""
    structs, told = get_args(Event), security_events.EVENTS
    _, schemas = msgspec.json.schema_components(
        [*structs, *told.values(), SetClaims], ref_template=_REF
    )
    names = [struct.__name__ for struct in structs]
    in_feed = [struct.__name__ for struct in structs if _type(struct) != Kind.TEST.type]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "consentid", "version": VERSION, "description": _DESCRIPTION},
        "defaultContentType": MEDIA_TYPE,
        "servers": {"hub": _server(issuer)},
        "channels": {
            "feed": {
                "address": "/v1/events",
                "description": "`/v1/events/stream` has the same as server-sent events.",
                "messages": _messages(in_feed, "#/components/messages/{name}"),
            },
            "webhook": {
                "address": None,
                "description": (
                    "POST to an address that was registered by `consentid webhooks add`, "
                    "signed by Standard Webhooks."
                ),
                "messages": _messages(names, "#/components/messages/{name}"),
            },
            "stream": {
                "address": None,
                "description": (
                    "A Shared Signals stream, made at `/ssf/streams`: signed tokens, sent (RFC "
                    "8935) or fetched (RFC 8936)."
                ),
                "messages": _messages(
                    [each.__name__ for each in told.values()], "#/components/messages/{name}"
                ),
            },
        },
        "operations": {
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/feed"},
                "messages": [{"$ref": f"#/channels/feed/messages/{name}"} for name in in_feed],
            },
            "deliver": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhook"},
                "messages": [{"$ref": f"#/channels/webhook/messages/{name}"} for name in names],
            },
            "signal": {
                "action": "send",
                "channel": {"$ref": "#/channels/stream"},
                "messages": [
                    {"$ref": f"#/channels/stream/messages/{each.__name__}"}
                    for each in told.values()
                ],
            },
        },
        "components": {
            "schemas": schemas,
            "messages": {
                struct.__name__: {
                    "name": _type(struct),
                    "contentType": MEDIA_TYPE,
                    "summary": schemas[struct.__name__].get("description", ""),
                    "payload": {"$ref": _REF.format(name=struct.__name__)},
                }
                for struct in structs
            }
            | {
                struct.__name__: {
                    "name": uri,
                    "contentType": security_events.MEDIA_TYPE,
                    "summary": schemas[struct.__name__].get("description", ""),
                    "payload": _token(uri, struct),
                }
                for uri, struct in told.items()
            },
        },
    }


def _token(uri: str, struct: type[msgspec.Struct]) -> dict[str, Any]:
    """A signed token, and what its claims are."""
    event = {uri: {"$ref": _REF.format(name=struct.__name__)}}
    return {
        "type": "string",
        "contentMediaType": "application/jwt",
        "contentSchema": {
            "allOf": [{"$ref": _REF.format(name=SetClaims.__name__)}],
            "properties": {"events": {"properties": event, "required": [uri]}},
        },
    }


def _messages(names: list[str], template: str) -> dict[str, dict[str, str]]:
    return {name: {"$ref": template.format(name=name)} for name in names}


def _type(struct: type[msgspec.Struct]) -> str:
    return str(struct.__struct_config__.tag)


def _server(issuer: str) -> dict[str, str]:
    scheme, _, rest = issuer.partition("://")
    host, slash, path = rest.partition("/")
    return {"host": host, "protocol": scheme} | ({"pathname": f"/{path}"} if slash else {})
