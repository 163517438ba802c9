from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_since_when'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='workspace',
            index=models.Index(fields=['created_at', 'id'], name='workspace_by_creation'),
        ),
    ]
