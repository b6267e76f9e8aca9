-- An Idempotency-Key belongs to one buyer and ends; afterwards it may mean another order.
CREATE TABLE order_keys (
    user_id bigint NOT NULL,
    key text NOT NULL,
    -- NULL only within the transaction that takes the key.
    order_id bigint REFERENCES orders,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE INDEX order_keys_end ON order_keys (expires_at);

-- Replicas of the version before write the key into the order itself. While both versions run, a key means the same
-- order to both: one that is taken here makes their INSERT fail, and their client asks again. Column and trigger go
-- with the next version.
CREATE FUNCTION keep_former_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_keys (user_id, key, order_id, expires_at)
    VALUES (NEW.user_id, NEW.idempotency_key, NEW.id, NEW.created_at + interval '1 day');
    RETURN NULL;
END $$;

-- Before the rows are copied: its lock keeps others from adding orders meanwhile.
CREATE TRIGGER keep_former_key AFTER INSERT ON orders
    FOR EACH ROW WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION keep_former_key();

INSERT INTO order_keys (user_id, key, order_id, expires_at)
SELECT user_id, idempotency_key, id, created_at + interval '1 day'
FROM orders
WHERE idempotency_key IS NOT NULL AND created_at > now() - interval '1 day';

-- Since when recovery leaves an order alone that it could not settle: a person has to look at it.
ALTER TABLE orders ADD COLUMN dead_at timestamptz;

CREATE INDEX orders_dead ON orders (dead_at) WHERE dead_at IS NOT NULL;
