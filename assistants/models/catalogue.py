"""What there is to talk to, and what it costs."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class LanguageModel(models.Model):
    """A model people may ask for, and what it is called where it runs."""

    slug = models.CharField(primary_key=True, max_length=80)
    name = models.CharField(max_length=80)
    provider = models.CharField(max_length=20, default="anthropic")
    upstream_name = models.CharField(max_length=80)
    context = models.PositiveIntegerField(help_text="Tokens of prompt and answer together.")
    max_output = models.PositiveIntegerField(help_text="Tokens.")
    rank = models.PositiveSmallIntegerField(default=0, help_text="Models are listed in this order.")
    is_offered = models.BooleanField(default=True)
    fallbacks = ArrayField(
        models.CharField(max_length=80),
        default=list,
        blank=True,
        help_text="Models asked in its place, in this order, where its provider is busy or broken.",
    )
    created_at = models.DateTimeField(help_text="When it was released.")

    class Meta:
        ordering = ["rank"]

    def __str__(self) -> str:
        return self.name


class ModelPrice(models.Model):
    """What a model costs from a date on, in micro-USD per million tokens: 2000000 is $2."""

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField()
    prompt_over = models.PositiveIntegerField(default=0, help_text="For prompts of more tokens than this.")
    input = models.BigIntegerField()
    output = models.BigIntegerField()
    cache_write_5m = models.BigIntegerField()
    cache_write_1h = models.BigIntegerField()
    cache_read = models.BigIntegerField()

    class Meta:
        ordering = ["model", "-valid_from", "prompt_over"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["model", "valid_from", "prompt_over"], name="one_price_per_date_and_length"
            ),
            models.CheckConstraint(
                condition=Q(
                    input__gte=0, output__gte=0, cache_write_5m__gte=0, cache_write_1h__gte=0, cache_read__gte=0
                ),
                name="model_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} from {self.valid_from:%Y-%m-%d}"
