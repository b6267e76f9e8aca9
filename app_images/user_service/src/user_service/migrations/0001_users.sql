CREATE TABLE users (
    id bigint PRIMARY KEY CHECK (id > 0),
    name text NOT NULL CHECK (name <> ''),
    email text NOT NULL UNIQUE CHECK (email LIKE '%_@_%')
);
