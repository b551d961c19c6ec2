"""How one installation is set up: one typed, frozen object, and where each of its values came from.

Read once, at the start of a command, from an optional TOML file (``CONSENTID_CONFIG``) and from
environment variables ``CONSENTID_*``, which win.  A name that we do not know is an error, since a
misspelt setting would silently be the default.  Whatever holds a password can be given as a file
(``CONSENTID_DATABASE_URL_FILE``), as mounted secrets are.  May import kit.
"""

from consentid.settings.chosen import COMMAND_LINE, PREFIX, Settings, SettingsError
from consentid.settings.reading import CONFIG, Given, from_environment, read

__all__ = [
    "COMMAND_LINE",
    "CONFIG",
    "PREFIX",
    "Given",
    "Settings",
    "SettingsError",
    "from_environment",
    "read",
]
