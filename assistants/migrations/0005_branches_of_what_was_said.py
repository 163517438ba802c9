from django.db import migrations

# So far every message went on from the one before it.
LINK = """
    UPDATE assistants_message m SET parent_id = before.parent_id
    FROM (SELECT id, lag(id) OVER (PARTITION BY conversation_id ORDER BY created_at) AS parent_id
        FROM assistants_message) AS before
    WHERE m.id = before.id AND before.parent_id IS NOT NULL;
    UPDATE assistants_conversation c SET tip_id = last.id
    FROM (SELECT DISTINCT ON (conversation_id) conversation_id, id FROM assistants_message
        ORDER BY conversation_id, created_at DESC) AS last
    WHERE c.id = last.conversation_id;
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0004_crews_and_coaching")]
    operations = [migrations.RunSQL(LINK, migrations.RunSQL.noop)]
