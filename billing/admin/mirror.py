"""dj-stripe registers its rows itself; they are dressed as ours are."""

from __future__ import annotations

import djstripe.admin  # noqa: F401  # which registers them as it is imported
from django.contrib import admin
from unfold.admin import ModelAdmin

for model, page in list(admin.site._registry.items()):
    if model._meta.app_label == "djstripe" and not isinstance(page, ModelAdmin):
        admin.site.unregister(model)
        admin.site.register(model, type(f"Dressed{type(page).__name__}", (type(page), ModelAdmin), {}))
