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

-- Usage is what `usage` says and all deltas: a row that every PUT updated would make them wait for
-- one another.
CREATE TABLE usage (bucket bigint PRIMARY KEY, objects bigint NOT NULL, bytes bigint NOT NULL);
CREATE TABLE usage_delta (bucket bigint NOT NULL, objects bigint NOT NULL, bytes bigint NOT NULL);
CREATE TABLE counters (name text COLLATE "C" PRIMARY KEY, value bigint NOT NULL);

-- What became of a commit whose answer was lost: its id is here, or it never happened.
CREATE TABLE done (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX done_by_time ON done (at);

-- Coordination: the entries as they are, and the last changes.
CREATE TABLE entries (
    key bytea PRIMARY KEY,
    value bytea NOT NULL,
    mod_revision bigint NOT NULL
);
CREATE TABLE entry_log (
    revision bigint NOT NULL,
    key bytea NOT NULL,
    value bytea,
    PRIMARY KEY (revision, key)
);
CREATE TABLE entry_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL,
    compacted bigint NOT NULL
);
INSERT INTO entry_state (revision, compacted) VALUES (0, 0);
