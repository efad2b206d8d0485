-- Who did what.  Kept by customer and time, which is how it is read; it refers to nothing, since it outlives what it tells of.
-- `before`, `after`: JSON objects, or NULL where there was or is nothing.
CREATE TABLE event (
    customer_id TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    target_kind TEXT    NOT NULL,
    target_id   TEXT    NOT NULL,
    before      TEXT,
    after       TEXT,
    reason      TEXT,
    user_id     TEXT,
    token_id    TEXT,
    ip          TEXT,
    user_agent  TEXT,
    request_id  TEXT,
    PRIMARY KEY (customer_id, at, id)
) WITHOUT ROWID;

CREATE INDEX event_of_target ON event (target_id, at, id);
