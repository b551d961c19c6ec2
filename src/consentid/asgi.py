"""The web process as an ASGI application: ``uvicorn --factory consentid.asgi:create_app``."""

import os

from litestar import Litestar

from consentid import settings
from consentid.flows.opening import open_context
from consentid.web.app import make_app


def create_app() -> Litestar:
    """Build the application from the environment.

    Raises:
        SettingsError: a setting is unknown, missing or wrong.
        NotFoundError, MalformedError: the keyring cannot be loaded.
    """
    opened = open_context(settings.from_environment(os.environ))
    return make_app(opened.context, close=opened.close)
