from django.db import migrations

# Erasure says so by a setting of its transaction, and may then take personal data out of a line.
REFUSE = """
    CREATE FUNCTION accounts_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND current_setting('stipend.erasing', true) = 'on' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'The audit log is never edited.' USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER audit_is_never_edited BEFORE UPDATE OR DELETE ON accounts_auditentry
        FOR EACH ROW EXECUTE FUNCTION accounts_refuse_edit();
"""
ALLOW = "DROP TRIGGER audit_is_never_edited ON accounts_auditentry; DROP FUNCTION accounts_refuse_edit();"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_people_and_teams")]
    operations = [migrations.RunSQL(REFUSE, ALLOW)]
