-- Amounts are whole cents of the shop's only currency.
CREATE TABLE products (
    id bigint PRIMARY KEY CHECK (id > 0),
    name text NOT NULL CHECK (name <> ''),
    price bigint NOT NULL CHECK (price > 0)
);

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL CHECK (user_id > 0),
    status text NOT NULL DEFAULT 'created'
        CHECK (status IN ('created', 'payment_pending', 'cancelling', 'paid', 'payment_failed', 'cancelled')),
    total bigint NOT NULL CHECK (total > 0),
    payment_method text NOT NULL,
    -- By which payment-service knows the order's one payment.
    payment_key uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    idempotency_key text UNIQUE,
    -- SHA-256 of what was ordered: the same key with another one is refused.
    request_digest bytea NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Until then whoever works on the order is left alone; recovery takes it up afterwards.
    due_at timestamptz NOT NULL,
    recoveries integer NOT NULL DEFAULT 0
);

CREATE INDEX orders_open ON orders (due_at) WHERE status IN ('created', 'payment_pending', 'cancelling');

CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders,
    product_id bigint NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    price bigint NOT NULL CHECK (price > 0),
    PRIMARY KEY (order_id, product_id)
);
