"""An agent's system polls for whom it named; it is told and gets what a device would.

Spec: OpenID CIBA Core 1.0 sections 10.1 and 11.
"""

from collections.abc import Collection
from typing import ClassVar, final

from consentid.brandbook.client import GrantType
from consentid.flows.oauth.device_code import DeviceGrant


@final
class CibaGrant(DeviceGrant):
    """One poll."""

    GRANT_TYPE: str = str(GrantType.CIBA)
    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = ("client_secret_basic", "private_key_jwt")
    FIELD: ClassVar[str] = "auth_req_id"
    IS_ADDRESSED: ClassVar[bool] = True
