from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("assistants", "0009_sums_of_days")]

    operations = [
        migrations.AlterModelOptions(
            name="conversation",
            options={
                "ordering": ["-created_at"],
                "permissions": [("read_conversation", "Can read what is said in a conversation, with a reason")],
            },
        ),
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ["-created_at"],
                "permissions": [("read_job", "Can read the brief and the results of a job, with a reason")],
            },
        ),
    ]
