"""A year of one large workspace and of many small ones, by plain SQL, as the product would have written it.

Four fifths of the work is the large workspace's. Of each work two limits tell, tokens and requests a day, so that it
leaves two holds and two entries. One in 1000 spends messages too, one in 100,000 an operation, and as many are of a
key, a member or a model that is hardly used.
"""

from typing import Final

from psycopg import Connection

SMALL_WORKSPACES: Final = 2000
KEYS: Final = 20
MEMBERS: Final = 10
RARE: Final = 100_000
ENTRIES_OF_A_WORK: Final = 2
TABLES: Final = ("quotas_entry", "quotas_hold", "quotas_reservation", "quotas_rollup")

# As the demo's, but for what must be unique.
PEOPLE: Final = """
    INSERT INTO accounts_workspace SELECT (jsonb_populate_record(w, jsonb_build_object(
        'id', gen_random_uuid(), 'name', 'Small ' || i, 'personal_to_id', NULL))).*
    FROM accounts_workspace w, generate_series(1, %(small)s) AS i;
    INSERT INTO accounts_user SELECT (jsonb_populate_record(u, jsonb_build_object(
        'id', gen_random_uuid(), 'email', 'member-' || i || '@example.com'))).*
    FROM accounts_user u, generate_series(1, %(members)s) AS i;
    INSERT INTO accounts_apikey SELECT (jsonb_populate_record(k, jsonb_build_object(
        'id', gen_random_uuid(), 'name', 'Key ' || i, 'hash', 'bench ' || i, 'former_hash', NULL))).*
    FROM accounts_apikey k, generate_series(1, %(keys)s) AS i;
    UPDATE accounts_workspace SET created_at = now() - interval '400 days';
    CREATE TABLE bench_small AS
        SELECT row_number() OVER () - 1 AS number, id FROM accounts_workspace WHERE personal_to_id IS NULL;
    CREATE TABLE bench_keys AS
        SELECT row_number() OVER (ORDER BY length(name) DESC, name) - 1 AS number, id FROM accounts_apikey;
    CREATE TABLE bench_members AS
        SELECT row_number() OVER (ORDER BY length(email) DESC, email) - 1 AS number, id FROM accounts_user;
"""

# Key, member and model 0 are the rare ones.
WORKS: Final = """
    CREATE UNLOGGED TABLE bench_works AS
    SELECT i, gen_random_uuid() AS id, at, workspace_id, k.id AS key_id, m.id AS member_id, 'model-' || model AS model,
        tokens, tokens * 12 AS cost,
        jsonb_build_object('tokens', tokens, 'cost', tokens * 12, 'requests', 1)
            || CASE WHEN i %% 1000 = 7 THEN '{"messages": 1}' ELSE '{}'::jsonb END
            || CASE WHEN is_rare THEN '{"operations": 1}' ELSE '{}'::jsonb END AS spent
    FROM (
        SELECT i, i %% %(rare)s = 11 AS is_rare, 10 + i * 7919 %% 190 AS tokens,
            now() - interval '365 days' * (%(works)s - i) / %(works)s - interval '1 hour' AS at,
            CASE WHEN i %% 5 < 4 THEN %(large)s ELSE (
                SELECT id FROM bench_small WHERE number = i / 5 %% %(small)s
            ) END AS workspace_id,
            CASE WHEN i %% %(rare)s = 11 THEN 0 ELSE 1 + i * 31 %% (%(keys)s - 1) END AS key,
            CASE WHEN i %% %(rare)s = 11 THEN 0 ELSE 1 + i * 17 %% (%(members)s - 1) END AS member,
            CASE WHEN i %% %(rare)s = 11 THEN 0 ELSE 1 + (i * 13 %% 10 > 4)::int + (i * 13 %% 10 > 8)::int END AS model
        FROM generate_series(1, %(works)s::bigint) AS i
    ) AS work JOIN bench_keys k ON k.number = key JOIN bench_members m ON m.number = member
    ORDER BY i;
"""

LEDGER: Final = """
    INSERT INTO quotas_bucket
        (workspace_id, meter, "window", starts_at, ends_at, plan, "limit", carried, hard, used, reserved)
    SELECT workspace_id, meter, 'day', day, day + interval '1 day', %(plan)s, "limit", 0, true, sum(amount), 0
    FROM (SELECT *, date_trunc('day', at, 'UTC') AS day FROM bench_works) AS w,
        LATERAL (VALUES ('tokens', tokens, 3000000), ('requests', 1, 50000)) AS charged (meter, amount, "limit")
    GROUP BY workspace_id, meter, day, "limit"
    ON CONFLICT DO NOTHING;

    INSERT INTO quotas_reservation
        (id, workspace_id, request_id, key_id, member_id, model, plan, price, state, basis, checkpoint, spent,
            created_at, lease_until, resolved_at)
    SELECT id, workspace_id, 'req_' || replace(id::text, '-', ''), key_id, member_id, model, %(plan)s,
        '{"input": 3000000, "output": 15000000}', 'settled', 'reported', '{}', spent, at, at + interval '30 s',
        at + interval '5 s'
    FROM bench_works ORDER BY i;

    CREATE UNLOGGED TABLE bench_charges AS
    SELECT w.i, w.id, w.at, b.id AS bucket_id, CASE b.meter WHEN 'tokens' THEN w.tokens ELSE 1 END AS amount
    FROM bench_works w JOIN quotas_bucket b ON b.workspace_id = w.workspace_id AND b."window" = 'day'
        AND b.holder_id = b.workspace_id AND b.starts_at = date_trunc('day', w.at, 'UTC')
        AND b.meter IN ('tokens', 'requests');

    INSERT INTO quotas_hold (reservation_id, bucket_id, amount, begins) SELECT id, bucket_id, amount, 0
    FROM bench_charges ORDER BY i, bucket_id;

    INSERT INTO quotas_entry
        (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
    SELECT bucket_id, id, 'settlement', amount, 0, 'reported', %(plan)s, '{"input": 3000000, "output": 15000000}', '',
        '', at + interval '5 s'
    FROM bench_charges ORDER BY i, bucket_id;

    INSERT INTO quotas_rollup (workspace_id, hour, meter, model, amount, works)
    SELECT workspace_id, date_trunc('hour', at, 'UTC'), meter, model, sum(amount::bigint), count(*)
    FROM bench_works, jsonb_each_text(spent) AS s (meter, amount)
    GROUP BY 1, 2, 3, 4 ORDER BY 2;

    DROP TABLE bench_works, bench_charges;
"""

EMPTY: Final = """
    TRUNCATE quotas_entry, quotas_hold, quotas_notice, quotas_decision, quotas_reservation, quotas_rollup,
        quotas_bucket, quotas_grant, billing_overage CASCADE
"""
# A primary key stays: others refer to it.
SECONDARY: Final = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY(%(tables)s::regclass[]) AND NOT i.indisprimary
"""
CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype = 'u'
"""


def make_people(connection: Connection) -> None:
    run(connection, PEOPLE, {"small": SMALL_WORKSPACES, "keys": KEYS, "members": MEMBERS})


def fill(connection: Connection, entries: int, large: str, plan: str) -> None:
    """Anew, with so many entries. `large` is the id of the large workspace."""
    works = entries // ENTRIES_OF_A_WORK
    params = {
        "works": works,
        "large": large,
        "small": SMALL_WORKSPACES,
        "keys": KEYS,
        "members": MEMBERS,
        "rare": min(RARE, works // 2),
        "plan": plan,
    }
    connection.execute("SET session_replication_role = replica")  # No triggers: every reference is right.
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SET work_mem = '512MB'")
    connection.execute(EMPTY)
    remade = take_indexes(connection)
    run(connection, WORKS, params)
    connection.execute("ANALYZE bench_works")
    run(connection, LEDGER, params)
    for statement in remade:
        connection.execute(statement)
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def take_indexes(connection: Connection) -> list[str]:
    """Drop what would make filling slow; how to make it again."""
    tables = {"tables": list(TABLES)}
    constraints = connection.execute(CONSTRAINTS, tables).fetchall()
    remade = []
    for table, name, definition in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        remade.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for name, definition in connection.execute(SECONDARY, tables).fetchall():
        connection.execute(f"DROP INDEX {name}")
        remade.append(definition)
    return remade


def run(connection: Connection, statements: str, params: dict[str, object]) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement, params)
