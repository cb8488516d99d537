-- Stores of one machine that are being taken in, or were; `store` is the id of their first data
-- folder. Their buckets have the ids from `first_bucket` on, which nobody finds in `buckets` before
-- the end. `commits` are what their indexes had counted: after another count they have changed.
-- `place` is how far rows are copied, `report` what was done.
CREATE TABLE adoptions (
    store uuid PRIMARY KEY,
    commits bigint[] NOT NULL,
    first_bucket bigint NOT NULL,
    bucket_count bigint NOT NULL,
    place bytea NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    report bytea
);
