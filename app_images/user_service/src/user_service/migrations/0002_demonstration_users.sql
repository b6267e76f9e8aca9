-- The people of the demonstration; 123 is the one that the smoke check asks for.
INSERT INTO users (id, name, email)
SELECT n, 'User ' || n, 'user' || n || '@example.com'
FROM unnest(ARRAY[1, 2, 3, 123]) AS n
ON CONFLICT (id) DO NOTHING;
