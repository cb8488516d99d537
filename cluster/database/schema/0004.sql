-- Events, and lines of access logs, on their way: `box` tells which. A queue's row has the sums of
-- its records; who appends holds it, so that ids are in the order of commits.
CREATE TABLE outbox_queues (
    box text COLLATE "C" NOT NULL,
    queue text COLLATE "C" NOT NULL,
    records bigint NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (box, queue)
) WITH (fillfactor = 50);
CREATE TABLE outbox_records (
    box text COLLATE "C" NOT NULL,
    queue text COLLATE "C" NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (box, id)
);
CREATE INDEX outbox_by_queue ON outbox_records (box, queue, id);

-- Append records whose queues have room; the result says of each whether it was taken.
CREATE FUNCTION append_records_1(box text, queues text[], bodies bytea[], most bigint)
RETURNS boolean[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken boolean[] := '{}';
    fits boolean;
    used bigint;
    added bigint;
    count bigint;
    each text;
BEGIN
    PERFORM s3gw.begin_1();
    taken := array_fill(false, ARRAY[cardinality(queues)]);
    FOR each IN SELECT DISTINCT q COLLATE "C" FROM unnest(queues) q ORDER BY 1 LOOP
        INSERT INTO s3gw.outbox_queues AS o VALUES (append_records_1.box, each, 0, 0)
        ON CONFLICT ON CONSTRAINT outbox_queues_pkey DO UPDATE SET records = o.records
        RETURNING o.bytes INTO used;
        added := 0;
        count := 0;
        FOR number IN 1 .. cardinality(queues) LOOP
            CONTINUE WHEN queues[number] <> each;
            fits := used + added + length(bodies[number]) <= most;
            taken[number] := fits;
            CONTINUE WHEN NOT fits;
            added := added + length(bodies[number]);
            count := count + 1;
            INSERT INTO s3gw.outbox_records (box, queue, at, body)
            VALUES (append_records_1.box, each, clock_timestamp(), bodies[number]);
        END LOOP;
        UPDATE s3gw.outbox_queues o SET records = o.records + count, bytes = o.bytes + added
        WHERE o.box = append_records_1.box AND o.queue = each;
    END LOOP;
    RETURN taken;
END $$;
CREATE FUNCTION drop_records_1(box text, ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.begin_1();
    WITH gone AS (
        DELETE FROM s3gw.outbox_records r
        WHERE r.box = drop_records_1.box AND r.id = ANY (ids)
        RETURNING r.queue, length(r.body) AS size),
    sums AS (SELECT queue, count(*) AS records, sum(size)::bigint AS bytes FROM gone GROUP BY queue)
    UPDATE s3gw.outbox_queues o SET records = o.records - s.records, bytes = o.bytes - s.bytes
    FROM sums s WHERE o.box = drop_records_1.box AND o.queue = s.queue;
    DELETE FROM s3gw.outbox_queues o WHERE o.box = drop_records_1.box AND o.records <= 0;
END $$;
