"""The kinds of tokens that are exchanged.  Spec: RFC 8693 section 3."""

from typing import Final

ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 a type's name
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 likewise
DEVICE_CREDENTIAL: Final = "urn:consentid:params:oauth:token-type:device_credential"
CONSENT_TOKEN: Final = "urn:consentid:params:oauth:token-type:consent_token"  # noqa: S105 likewise
