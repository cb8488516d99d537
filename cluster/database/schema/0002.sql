-- The node that leads, and until when. The term counts how often the lease was taken.
CREATE TABLE leader (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    node text COLLATE "C" NOT NULL,
    holder uuid NOT NULL,
    term bigint NOT NULL,
    expires timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO leader (node, holder, term, expires) VALUES ('', gen_random_uuid(), 0, '-infinity');

-- Take the lease if it has ended, or if the holder has it: it may not have seen the answer. The
-- result is the new term, or null. The time is read after the statement was sent, hence the lease
-- ends later than the holder thinks.
CREATE FUNCTION take_lease_1(node text, holder uuid, seconds double precision) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE taken bigint;
BEGIN
    PERFORM s3gw.begin_1();
    UPDATE s3gw.leader l
    SET node = take_lease_1.node, holder = take_lease_1.holder, term = l.term + 1,
        expires = clock_timestamp() + make_interval(secs => seconds)
    WHERE l.holder = take_lease_1.holder OR l.expires <= clock_timestamp()
    RETURNING l.term INTO taken;
    RETURN taken;
END $$;
-- Let it end later. False: it has ended, or is another's.
CREATE FUNCTION renew_lease_1(holder uuid, term bigint, seconds double precision) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.begin_1();
    UPDATE s3gw.leader l SET expires = clock_timestamp() + make_interval(secs => seconds)
    WHERE l.holder = renew_lease_1.holder AND l.term = renew_lease_1.term
        AND l.expires > clock_timestamp();
    RETURN FOUND;
END $$;
-- Let it end now, unless it was taken again.
CREATE FUNCTION give_lease_back_1(holder uuid, term bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM s3gw.begin_1();
    UPDATE s3gw.leader l SET expires = '-infinity'
    WHERE l.holder = give_lease_back_1.holder AND l.term = give_lease_back_1.term;
END $$;
