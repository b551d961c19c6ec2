"""What the members of a receipt and of its record mean in linked data.

A receipt is plain JSON, and stays the bytes that were signed; whoever works with linked data reads
it under this context.  What the Data Privacy Vocabulary has a term for is given that term; the rest
are terms of our own.  Purposes and the like are the group's, so their names lie at the issuer.

Spec: JSON-LD 1.1 sections 4.1 and 6.1; W3C DPV 2; ISO/IEC TS 27560 sections 6 and 7.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_RELATION: Final = "http://www.w3.org/ns/json-ld#context"
PATH: Final = "/schema/receipt"
TERMS: Final = "urn:consentid:terms:"
DPV: Final = "https://w3id.org/dpv#"
MICROSECONDS: Final = f"{TERMS}microseconds"
"""Since 1970-01-01 UTC."""

_OUTCOMES: Final = {
    "granted": "dpv:ConsentGiven",
    "refused": "dpv:ConsentStatusInvalidForProcessing",
}
"""Of the record, which does not tell refused from withdrawn: that stands in ``purposes``."""
_STATUSES: Final = {
    "given": "dpv:ConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
}
_BASES: Final = {
    "consent": "dpv:Consent",
    "legitimate_interest": "dpv:LegitimateInterest",
    "contract": "dpv:Contract",
    "legal_obligation": "dpv:LegalObligation",
    "vital_interests": "dpv:VitalInterest",
    "public_task": "https://w3id.org/dpv/legal/eu/gdpr#A6-1-e",
}


def link_to(issuer: str) -> str:
    """The ``Link`` header of a receipt.  Spec: JSON-LD 1.1 section 6.1."""
    return f'<{issuer}{PATH}>; rel="{_RELATION}"; type="application/ld+json"'


def context(issuer: str, brands: Iterable[str]) -> dict[str, Any]:
    """The document, for what an issuer signs: ``@context`` and nothing else.

    ``brands`` are those whose own purposes there are: ``shop:loyalty`` is no address of its own.
    """
    purpose = _purpose(f"{issuer}/purposes/", brands)
    return {
        "@context": {
            "@version": 1.1,
            "dpv": DPV,
            "dct": "http://purl.org/dc/terms/",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "own": TERMS,
            "schema": "dct:conformsTo",
            "issuer": {"@id": "dct:publisher", "@type": "@id"},
            "decision": "dct:identifier",
            "recorded_at": {"@id": "dct:created", "@type": "xsd:dateTime"},
            "controllers": {
                "@id": "dpv:hasDataController",
                "@container": "@set",
                "@context": {"party": "own:party", "legal_entity": "dpv:hasName"},
            },
            "purposes": {
                "@id": "dpv:hasProcess",
                "@container": "@set",
                "@context": {
                    "purpose": purpose,
                    "basis": _word("dpv:hasLegalBasis", _BASES),
                    "status": _word("dpv:hasConsentStatus", _STATUSES),
                },
            },
            "record": {"@id": "dct:hasPart", "@context": _record(purpose)},
            "salt": "own:salt",
            "commitment": "own:commitment",
            "log": "own:log",
            "leaf": {"@id": "own:leaf", "@context": _leaf()},
            "signature": "own:signature",
            "proof": "own:proof",
        }
    }


def _record(purpose: dict[str, Any]) -> dict[str, Any]:
    return {
        "v": "own:format",
        "id": "dct:identifier",
        "choices": {
            "@id": "dpv:hasProcess",
            "@container": "@set",
            "@context": {
                "purpose": purpose,
                "outcome": _word("dpv:hasConsentStatus", _OUTCOMES),
            },
        },
        "reach": "dpv:hasScope",
        "notice": {"@id": "dpv:hasNotice", "@context": _notice()},
        "catalogue": "own:catalogue",
        "early": {"@id": "own:early", "@type": MICROSECONDS},
        "late": {"@id": "dpv:isIndicatedAtTime", "@type": MICROSECONDS},
        "recorded_at": {"@id": "dct:created", "@type": MICROSECONDS},
        "clock_unproven": "own:clockUnproven",
        "assurance": "own:assurance",
        "channel": "dpv:hasIndicationMethod",
        "actor": "own:actor",
        "served": "own:served",
        "signal": "own:signal",
        "told_of_signal": "own:toldOfSignal",
        "prompted_by": "own:promptedBy",
        "adopted_from": "own:adoptedFrom",
    }


def _purpose(folder: str, brands: Iterable[str]) -> dict[str, Any]:
    own = {brand: f"{folder}{brand}:" for brand in brands}
    return _word("dpv:hasPurpose", {"@vocab": folder, **own})


def _word(term: str, words: Mapping[str, str]) -> dict[str, Any]:
    return {"@id": term, "@type": "@vocab", "@context": words}


def _notice() -> dict[str, Any]:
    return {
        "id": "dct:identifier",
        "version": "dct:hasVersion",
        "language": "dct:language",
        "digest": "own:digest",
        "names": {"@id": "dpv:hasRecipient", "@container": "@list"},
        "attaches_to_account": "own:attachesToAccount",
        "shown": {"@id": "own:shown", "@context": _shown()},
    }


def _shown() -> dict[str, Any]:
    return {"at": {"@id": "dct:created", "@type": MICROSECONDS}, "layout": "own:layout"}


def _leaf() -> dict[str, Any]:
    return {
        "v": "own:format",
        "kind": "dct:type",
        "id": "dct:identifier",
        "time": {"@id": "dct:created", "@type": MICROSECONDS},
        "origin": "own:origin",
        "commitment": "own:commitment",
    }
