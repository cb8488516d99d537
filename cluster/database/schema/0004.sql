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
    taken boolean[];
    item record;
    held text;
    used bigint;
BEGIN
    PERFORM s3gw.begin_1();
    taken := array_fill(false, ARRAY[cardinality(queues)]);
    -- All take the rows of queues in this order, so none waits for another in a circle.
    FOR item IN
        SELECT u.queue COLLATE "C" AS queue, u.body, u.number
        FROM unnest(queues, bodies) WITH ORDINALITY AS u(queue, body, number)
        ORDER BY 1, 3
    LOOP
        IF held IS DISTINCT FROM item.queue THEN
            held := item.queue;
            INSERT INTO s3gw.outbox_queues AS o VALUES (append_records_1.box, held, 0, 0)
            ON CONFLICT ON CONSTRAINT outbox_queues_pkey DO UPDATE SET records = o.records
            RETURNING o.bytes INTO used;
        END IF;
        CONTINUE WHEN used + length(item.body) > most;
        used := used + length(item.body);
        taken[item.number] := true;
        INSERT INTO s3gw.outbox_records (box, queue, at, body)
        VALUES (append_records_1.box, held, clock_timestamp(), item.body);
    END LOOP;
    UPDATE s3gw.outbox_queues o SET records = o.records + s.records, bytes = o.bytes + s.bytes
    FROM (
        SELECT u.queue, count(*) AS records, sum(length(u.body))::bigint AS bytes
        FROM unnest(queues, bodies) WITH ORDINALITY AS u(queue, body, number)
        WHERE taken[u.number] GROUP BY u.queue) s
    WHERE o.box = append_records_1.box AND o.queue = s.queue;
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
