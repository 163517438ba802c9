"""What was paid before it was noted: by each subscription, at the price it has now, as far as is known."""

from django.db import migrations

A_YEAR = "CASE p.interval WHEN 'day' THEN 365 WHEN 'month' THEN 12 ELSE 1 END"

NOTE = f"""
    INSERT INTO billing_recurringrevenue
        (workspace_id, subscription_id, plan_id, price_id, gateway, currency, amount, starts_at, ends_at)
    SELECT s.workspace_id, s.id, p.plan_id, p.id, s.gateway, p.currency,
        (2 * p.amount * {A_YEAR} + 12 * p.interval_count) / (24 * p.interval_count),
        GREATEST(s.created_at, s.trial_end), s.canceled_at
    FROM billing_subscription s JOIN billing_price p ON p.id = s.price_id
    WHERE p.amount > 0 AND (
        s.status IN ('active', 'past_due') AND s.canceled_at IS NULL
        OR s.status = 'canceled' AND s.canceled_at > GREATEST(s.created_at, s.trial_end)
    )
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_recurring_revenue")]

    operations = [migrations.RunSQL(NOTE, migrations.RunSQL.noop)]
