from django.db import migrations

# What earlier work was charged, as its entries say it, and the rollups of that.
SPENT = """
    UPDATE quotas_reservation r SET spent = charged.spent FROM (
        SELECT reservation_id, jsonb_object_agg(meter, amount) AS spent FROM (
            SELECT DISTINCT ON (e.reservation_id, b.meter) e.reservation_id, b.meter, sum(e.amount) AS amount
            FROM quotas_entry e JOIN quotas_bucket b ON b.id = e.bucket_id
            WHERE e.reservation_id IS NOT NULL AND b.holder_id = b.workspace_id
            GROUP BY e.reservation_id, b.meter, b.id
        ) AS by_meter
        GROUP BY reservation_id
    ) AS charged
    WHERE charged.reservation_id = r.id;
    INSERT INTO quotas_rollup (workspace_id, hour, meter, model, amount, works)
    SELECT r.workspace_id, date_trunc('hour', r.created_at, w.time_zone), meter, r.model, sum(amount::bigint), count(*)
    FROM quotas_reservation r JOIN accounts_workspace w ON w.id = r.workspace_id,
        jsonb_each_text(r.spent) AS s (meter, amount)
    GROUP BY 1, 2, 3, 4;
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0005_windows_and_grants")]

    operations = [migrations.RunSQL(SPENT, migrations.RunSQL.noop)]
