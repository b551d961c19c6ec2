"""All that a web process reads before it serves, read by whoever imports this."""

from importlib import import_module

from consentid.web.pages.rendering import prepare
from consentid.web.sdk_files import sdk_files

for _each in ("asgi", "cli.serve_command", "web.listening", "web.patience"):
    import_module(f"consentid.{_each}")
import_module("uvicorn")
prepare()
sdk_files()
