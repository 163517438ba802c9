"""The files of pages: from `collectstatic`'s folder where it was run, else from the apps themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from servestatic import ServeStaticASGI


def serve_static(application: Any) -> ServeStaticASGI:
    served = ServeStaticASGI(application, prefix=settings.STATIC_URL)
    for folder in _folders():
        served.add_files(folder, prefix=settings.STATIC_URL)
    return served


def _folders() -> Iterator[Path]:
    if settings.STATIC_ROOT.is_dir():
        yield settings.STATIC_ROOT
        return
    for storage in AppDirectoriesFinder().storages.values():
        yield Path(storage.location)
