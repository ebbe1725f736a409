INSERT INTO customers (id, tier) VALUES (1, 'gold'), (2, 'free'), (3, 'free');

-- The last one is sold out: whoever orders it is told so.
INSERT INTO products (id, name, price, stock)
VALUES (1, 'tea', 4.5, 10000000), (2, 'pot', 39.0, 10000000), (3, 'cup', 12.0, 10000000), (4, 'rare tea', 480.0, 0);

-- Orders of former days, to be looked at and refunded.
WITH RECURSIVE past (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM past WHERE id < 100)
INSERT INTO orders (id, customer, product, quantity)
SELECT id, 1 + id % 3, 1 + id % 3, 1 + id % 5 FROM past;
