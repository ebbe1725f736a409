CREATE TABLE customers (
    id   INTEGER PRIMARY KEY,
    tier TEXT NOT NULL CHECK (tier IN ('free', 'gold'))
) STRICT;

CREATE TABLE products (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL,
    price REAL NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0)
) STRICT;

CREATE TABLE orders (
    id       INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customers (id),
    product  INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    refunded INTEGER NOT NULL DEFAULT 0
) STRICT;
