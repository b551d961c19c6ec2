"""What runs in a brand's page: plain ES modules and style sheets, no build step, no Python.

``web/sdk_files.py`` serves the files at ``/sdk/v1/``; they travel in the wheel.  No module here may
import another room, and no room imports this one: it is read as package data.
"""
