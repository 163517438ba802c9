from django.db import migrations

REFUSE = """
    CREATE FUNCTION quotas_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a ledger entry is never edited or deleted: post a correction' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER entries_are_never_edited BEFORE UPDATE OR DELETE ON quotas_entry
        FOR EACH ROW EXECUTE FUNCTION quotas_refuse_edit();
"""

ALLOW = "DROP TRIGGER entries_are_never_edited ON quotas_entry; DROP FUNCTION quotas_refuse_edit();"


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
