-- Amounts are whole cents of the shop's only currency.
CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The caller's Idempotency-Key, and the order: each has one payment, whatever comes how often.
    key text NOT NULL UNIQUE,
    order_id bigint NOT NULL UNIQUE CHECK (order_id > 0),
    status text NOT NULL CHECK (status IN ('captured', 'declined', 'voided', 'refunded')),
    -- Not known of a payment that was cancelled before it came.
    amount bigint CHECK (amount > 0),
    payment_method text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (status = 'voided' OR (amount IS NOT NULL AND payment_method IS NOT NULL))
);

-- What moved: a payment is taken at most once and given back at most once.
CREATE TABLE movements (
    payment_id bigint NOT NULL REFERENCES payments,
    kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, kind)
);
