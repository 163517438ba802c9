"""Since when somebody is here is said by whoever signs them up. The tables stay as they are."""

import django.utils.timezone
from django.db import migrations, models

SINCE = models.DateTimeField(default=django.utils.timezone.now, editable=False)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_sums_of_days")]

    operations = [
        migrations.AlterField("user", "created_at", SINCE),
        migrations.AlterField("workspace", "created_at", SINCE),
        migrations.AlterField("membership", "created_at", SINCE),
    ]
