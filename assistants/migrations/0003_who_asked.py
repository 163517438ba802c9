from django.db import migrations

# A reply's record says who asked; what they asked stands a microsecond before it.
WHO_ASKED = """
    UPDATE assistants_message reply SET user_id = t.user_id FROM assistants_turn t WHERE t.message_id = reply.id;
    UPDATE assistants_message question SET user_id = reply.user_id FROM assistants_message reply
    WHERE question.role = 'user' AND reply.user_id IS NOT NULL AND reply.conversation_id = question.conversation_id
        AND reply.created_at = question.created_at + interval '1 microsecond';
    UPDATE assistants_message question SET user_id = c.user_id FROM assistants_conversation c
    WHERE question.role = 'user' AND question.user_id IS NULL AND c.id = question.conversation_id;
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0002_message_user")]
    operations = [migrations.RunSQL(WHO_ASKED, migrations.RunSQL.noop)]
