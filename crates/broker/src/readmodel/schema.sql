-- Times are milliseconds since 1970, states numbers in the order of the API's names.
-- Instances are stored beside what belongs to them (keyed by process instance first), since
-- that is how they are written and almost always how they are read.

CREATE TABLE progress (position INTEGER NOT NULL);
INSERT INTO progress VALUES (0);

CREATE TABLE process_definition (
    key           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL,
    name          TEXT,
    version       INTEGER NOT NULL,
    resource_name TEXT    NOT NULL,
    resource      BLOB    NOT NULL
);
CREATE INDEX process_definition_by_id ON process_definition (id, version);

CREATE TABLE element (
    definition_key INTEGER NOT NULL,
    element        INTEGER NOT NULL,
    id             TEXT    NOT NULL,
    name           TEXT,
    type           TEXT    NOT NULL,
    PRIMARY KEY (definition_key, element)
) WITHOUT ROWID;

CREATE TABLE process_instance (
    key            INTEGER PRIMARY KEY,
    definition_key INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    started        INTEGER,
    ended          INTEGER
);
CREATE INDEX process_instance_active ON process_instance (key) WHERE state = 0;

CREATE TABLE element_instance (
    process_instance_key INTEGER NOT NULL,
    key                  INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    element              INTEGER NOT NULL,
    scope_key            INTEGER NOT NULL,
    state                INTEGER NOT NULL,
    started              INTEGER,
    ended                INTEGER,
    PRIMARY KEY (process_instance_key, key)
) WITHOUT ROWID;
CREATE INDEX element_instance_active ON element_instance (key) WHERE state = 0;

CREATE TABLE incident (
    key                  INTEGER PRIMARY KEY,
    process_instance_key INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    element_instance_key INTEGER NOT NULL,
    element              INTEGER NOT NULL,
    job_key              INTEGER,
    error_type           TEXT    NOT NULL,
    error_message        TEXT    NOT NULL,
    state                INTEGER NOT NULL,
    created              INTEGER NOT NULL
);
CREATE INDEX incident_by_process_instance ON incident (process_instance_key, state);
CREATE INDEX incident_active ON incident (key) WHERE state = 0;

CREATE TABLE variable (
    process_instance_key INTEGER NOT NULL,
    key                  INTEGER NOT NULL,
    scope_key            INTEGER NOT NULL,
    name                 TEXT    NOT NULL,
    value                TEXT    NOT NULL,
    PRIMARY KEY (process_instance_key, key)
) WITHOUT ROWID;
-- The head of a value finds an order by its id, and keeps large values out of the index.
CREATE INDEX variable_by_value ON variable (name, substr(value, 1, 64));
