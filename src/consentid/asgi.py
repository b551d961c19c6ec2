"""The web process as an ASGI application: ``uvicorn --factory consentid.asgi:create_app``."""

import gc
import os
from typing import Final

from litestar import Litestar

from consentid import settings
from consentid.flows.opening import open_context
from consentid.web.app import make_app

_COLLECTED_AFTER: Final = (10_000, 20, 50)
"""Objects made and not let go, then collections: the defaults look through all that ten thousand
connections hold every few seconds, and nobody is answered meanwhile.
"""


def create_app() -> Litestar:
    """Build the application from the environment.

    Raises:
        SettingsError: a setting is unknown, missing or wrong.
        NotFoundError, MalformedError: the keyring cannot be loaded.
    """
    opened = open_context(settings.from_environment(os.environ))
    app = make_app(opened.context, close=opened.close)
    # What is here now stays as long as the process: it need not be looked through again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    return app
