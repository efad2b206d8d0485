-- How many writes somebody has asked for in an hour.  `hour`: when it began; `key`: the id of whoever writes.
-- The hour comes first, so that those that are over are one range.
CREATE TABLE write_budget (
    hour  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, key)
) WITHOUT ROWID;
