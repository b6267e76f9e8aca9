-- What the demonstration sells: 2 x 29.99 + 1 x 49.99 = 109.97 is the order of the smoke check.
INSERT INTO products (id, name, price)
VALUES (1, 'Product 1', 2999), (2, 'Product 2', 4999), (3, 'Product 3', 100)
ON CONFLICT (id) DO NOTHING;
