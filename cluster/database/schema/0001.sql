-- Names of objects are bytes, hence in the order of S3. Rows are what storage.index.rows encodes.
CREATE TABLE buckets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    row bytea NOT NULL
);
CREATE TABLE trash (id bigint PRIMARY KEY, row bytea NOT NULL);
CREATE TABLE labels (label text COLLATE "C" PRIMARY KEY, bucket bigint NOT NULL UNIQUE);

-- The current version of a name, if it is an object. `payload` has its bytes, or its manifest.
CREATE TABLE objects (
    bucket bigint NOT NULL,
    name bytea NOT NULL,
    row bytea NOT NULL,
    payload bytea,
    PRIMARY KEY (bucket, name)
) WITH (fillfactor = 90);
-- All others, the newest with the least age; also a delete marker that is current.
CREATE TABLE versions (
    bucket bigint NOT NULL,
    name bytea NOT NULL,
    age bigint NOT NULL,
    version text COLLATE "C" NOT NULL,
    marker boolean NOT NULL,
    row bytea NOT NULL,
    payload bytea,
    PRIMARY KEY (bucket, name, age),
    UNIQUE (bucket, name, version)
);

CREATE TABLE uploads (
    bucket bigint NOT NULL,
    name bytea NOT NULL,
    id text COLLATE "C" NOT NULL,
    row bytea NOT NULL,
    PRIMARY KEY (bucket, name, id)
);
CREATE TABLE parts (
    upload text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    row bytea NOT NULL,
    PRIMARY KEY (upload, number)
);
CREATE TABLE completed (
    upload text COLLATE "C" NOT NULL,
    bucket bigint NOT NULL,
    name bytea NOT NULL,
    time bigint NOT NULL,
    row bytea NOT NULL,
    PRIMARY KEY (upload, bucket, name)
);
CREATE INDEX completed_by_time ON completed (time);
CREATE INDEX completed_by_bucket ON completed (bucket);

-- The names on the labels of blobs whose objects were renamed.
CREATE TABLE renamed (
    bucket bigint NOT NULL,
    label bytea NOT NULL,
    blob text COLLATE "C" NOT NULL,
    name bytea NOT NULL,
    PRIMARY KEY (bucket, label, blob)
);
-- Blobs that nothing names any more, to be removed together from that time on.
CREATE TABLE garbage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    blobs text[] NOT NULL,
    not_before timestamptz NOT NULL
);
CREATE INDEX garbage_by_time ON garbage (not_before);

-- The shared folder that has the blobs.
CREATE TABLE folder (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    uuid uuid NOT NULL
);

-- Usage is what `usage` says and all deltas: a row that every PUT updated would make them wait for
-- one another.
CREATE TABLE usage (bucket bigint PRIMARY KEY, objects bigint NOT NULL, bytes bigint NOT NULL);
CREATE TABLE usage_delta (bucket bigint NOT NULL, objects bigint NOT NULL, bytes bigint NOT NULL);
CREATE TABLE counters (name text COLLATE "C" PRIMARY KEY, value bigint NOT NULL);

-- What became of a commit whose answer was lost: its id is here, or it never happened.
CREATE TABLE done (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX done_by_time ON done (at);

-- What a transaction begins and ends with. Advisory locks of two numbers: (2, bucket), (3, 0) for
-- coordination, (4, hash of a bucket's name), (5, hash of a write's id); of one: a name, by its hash. Locks are taken in that
-- order, those of names in the order of their numbers. A function is volatile, so what it reads after a lock is what was
-- committed before the lock was granted.
CREATE FUNCTION begin_1() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT set_config('lock_timeout', '3s', true),
        set_config('idle_in_transaction_session_timeout', '10s', true),
        -- To compile a statement takes longer than any of them.
        set_config('jit', 'off', true);
$$;
CREATE FUNCTION hold_1(bucket bigint, names bigint[], OUT facts bytea, OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE lock bigint;
BEGIN
    PERFORM s3gw.begin_1();
    PERFORM pg_advisory_xact_lock_shared(2, (hold_1.bucket % 2147483647)::integer);
    FOREACH lock IN ARRAY names LOOP
        PERFORM pg_advisory_xact_lock(lock);
    END LOOP;
    SELECT b.row INTO hold_1.facts FROM s3gw.buckets b WHERE b.id = hold_1.bucket;
    hold_1.at := clock_timestamp();
END $$;
-- For several mutations at once: names that another transaction holds are not waited for.
CREATE FUNCTION hold_many_1(
    buckets bigint[], names bigint[],
    OUT facts bytea[], OUT granted boolean[], OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    bucket bigint;
    lock bigint;
    found_row bytea;
BEGIN
    PERFORM s3gw.begin_1();
    facts := '{}';
    granted := '{}';
    FOREACH bucket IN ARRAY buckets LOOP
        PERFORM pg_advisory_xact_lock_shared(2, (bucket % 2147483647)::integer);
    END LOOP;
    FOREACH lock IN ARRAY names LOOP
        granted := granted || pg_try_advisory_xact_lock(lock);
    END LOOP;
    FOREACH bucket IN ARRAY buckets LOOP
        found_row := (SELECT b.row FROM s3gw.buckets b WHERE b.id = bucket);
        facts := array_append(facts, found_row);
    END LOOP;
    at := clock_timestamp();
END $$;
CREATE FUNCTION hold_bucket_1(name text, OUT id bigint, OUT facts bytea, OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE found_id bigint;
BEGIN
    PERFORM s3gw.begin_1();
    LOOP
        SELECT b.id INTO found_id FROM s3gw.buckets b WHERE b.name = hold_bucket_1.name;
        EXIT WHEN found_id IS NULL;
        PERFORM pg_advisory_xact_lock(2, (found_id % 2147483647)::integer);
        SELECT b.id, b.row INTO hold_bucket_1.id, hold_bucket_1.facts FROM s3gw.buckets b
        WHERE b.id = found_id AND b.name = hold_bucket_1.name;
        EXIT WHEN hold_bucket_1.id IS NOT NULL;
    END LOOP;
    hold_bucket_1.at := clock_timestamp();
END $$;
CREATE FUNCTION hold_bucket_name_1(name text, OUT facts bytea, OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.begin_1();
    PERFORM pg_advisory_xact_lock(4, hashtext(hold_bucket_name_1.name));
    SELECT b.row INTO hold_bucket_name_1.facts FROM s3gw.buckets b
    WHERE b.name = hold_bucket_name_1.name;
    hold_bucket_name_1.at := clock_timestamp();
END $$;
CREATE FUNCTION lock_write_1(id uuid) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(5, hashtext(id::text));
$$;
-- The last statement before a commit. Its lock tells who has lost the answer whether the
-- transaction still runs.
CREATE FUNCTION finish_1(id uuid, deadline timestamptz) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.lock_write_1(finish_1.id);
    INSERT INTO s3gw.done (id) VALUES (finish_1.id);
    IF clock_timestamp() > deadline THEN
        RAISE EXCEPTION 'too late' USING ERRCODE = 'S3001';
    END IF;
END $$;

-- Identity of the database: a node that was at another one notices.
CREATE TABLE cluster (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO cluster DEFAULT VALUES;

-- Coordination: the entries as they are, and the last changes. Each revision has the id of its
-- write: a node that read revisions which were lost afterwards, by a restore or a failover, notices.
CREATE TABLE entries (
    key bytea PRIMARY KEY,
    value bytea NOT NULL,
    mod_revision bigint NOT NULL
);
CREATE TABLE entry_log (
    revision bigint NOT NULL,
    key bytea NOT NULL,
    value bytea,
    write uuid NOT NULL,
    PRIMARY KEY (revision, key)
);
CREATE TABLE entry_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL,
    compacted bigint NOT NULL,
    write uuid NOT NULL
);
INSERT INTO entry_state (revision, compacted, write) VALUES (0, 0, gen_random_uuid());
-- The nodes that follow the log. They write here to learn that the server is still the primary.
CREATE TABLE replicas (
    node text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    seen timestamptz NOT NULL
);

-- Writes of coordination. All hold the lock (3, 0) to their end, so revisions become visible in
-- their order. A null in `contents` deletes the key. `known` is a revision that the caller has read,
-- of the write `known_write`; where it cannot be seen to be of this history, `is_known` is false, and
-- nothing is done: what is compared may be of another one. `done` is false where a comparison fails.
CREATE FUNCTION change_entries_1(
    compared bytea[], expected bigint[], keys bytea[], contents bytea[],
    known bigint, known_write uuid, kept bigint,
    OUT is_known boolean, OUT done boolean, OUT latest bigint, OUT written boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE new_write uuid := gen_random_uuid();
BEGIN
    PERFORM s3gw.begin_1();
    PERFORM pg_advisory_xact_lock(3, 0);
    SELECT s.revision, known = 0 OR (s.revision = known AND s.write = known_write)
    INTO latest, is_known FROM s3gw.entry_state s;
    is_known := is_known OR EXISTS (
        SELECT FROM s3gw.entry_log l WHERE l.revision = known AND l.write = known_write
    );
    done := false;
    written := false;
    IF NOT is_known THEN
        RETURN;
    END IF;
    done := NOT EXISTS (
        SELECT FROM unnest(compared, expected) AS c(key, revision)
        LEFT JOIN s3gw.entries e ON e.key = c.key
        WHERE coalesce(e.mod_revision, 0) <> c.revision
    );
    IF NOT done THEN
        RETURN;
    END IF;
    INSERT INTO s3gw.entry_log (revision, key, value, write)
    SELECT latest + 1, w.key, w.value, new_write FROM unnest(keys, contents) AS w(key, value)
    WHERE w.value IS NOT NULL OR EXISTS (SELECT FROM s3gw.entries e WHERE e.key = w.key);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    written := true;
    latest := latest + 1;
    DELETE FROM s3gw.entries e USING s3gw.entry_log l
    WHERE l.revision = latest AND l.value IS NULL AND e.key = l.key;
    INSERT INTO s3gw.entries (key, value, mod_revision)
    SELECT l.key, l.value, l.revision FROM s3gw.entry_log l
    WHERE l.revision = latest AND l.value IS NOT NULL
    ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, mod_revision = excluded.mod_revision;
    DELETE FROM s3gw.entry_log l WHERE l.revision <= latest - kept;
    UPDATE s3gw.entry_state s
    SET revision = latest, compacted = greatest(s.compacted, latest - kept), write = new_write;
    PERFORM pg_notify('s3gw_entries', latest::text);
END $$;
-- For a node that has read revisions which are not in this database: what is here gets a revision
-- above all that it knows, so that it does not take another entry for one of the same revision.
CREATE FUNCTION leap_entries_1(known bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.begin_1();
    PERFORM pg_advisory_xact_lock(3, 0);
    DELETE FROM s3gw.entry_log;
    UPDATE s3gw.entry_state s
    SET revision = greatest(s.revision, known) + 1, compacted = greatest(s.revision, known) + 1,
        write = gen_random_uuid();
    UPDATE s3gw.entries e SET mod_revision = s.revision FROM s3gw.entry_state s;
END $$;
