package sqlite

// ledgerMigrations returns the ledger's schema, one step per version.
//
// transfers.n is the order of lists: the creation time in microseconds times
// 2048 plus a tie breaker, so that every index on transfers is also in time
// order and a page token is one number (see position). ready_at is set while a
// transfer is QUEUED and in the ready order, parked_until while it is QUEUED
// and waits for NotBefore; both hold nanoseconds. What is searched has tables
// of its own: see searchStep.
func ledgerMigrations() []string {
	return []string{`
CREATE TABLE transfers (
	n            INTEGER PRIMARY KEY,
	transfer_id  TEXT NOT NULL,
	version      INTEGER NOT NULL,
	id           TEXT NOT NULL,
	route        TEXT NOT NULL,
	state        TEXT NOT NULL,
	waiting      TEXT NOT NULL,
	code         TEXT,
	dead_letter  TEXT,
	queued_at    INTEGER NOT NULL,
	ready_at     INTEGER,
	parked_until INTEGER,
	ended_at     INTEGER,
	record       BLOB NOT NULL
);
CREATE UNIQUE INDEX transfers_by_transfer_id ON transfers (transfer_id);
CREATE INDEX transfers_by_id ON transfers (id);
CREATE INDEX transfers_by_route_state ON transfers (route, state);
CREATE INDEX transfers_by_code ON transfers (code) WHERE code IS NOT NULL;
CREATE INDEX transfers_by_dead_letter ON transfers (dead_letter) WHERE dead_letter IS NOT NULL;
CREATE INDEX transfers_ready ON transfers (route, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX transfers_parked ON transfers (route, parked_until, queued_at) WHERE parked_until IS NOT NULL;
CREATE INDEX transfers_ended ON transfers (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE search (
	n    INTEGER PRIMARY KEY,
	text TEXT NOT NULL
);
CREATE TABLE events (
	transfer_id TEXT NOT NULL,
	seq         INTEGER NOT NULL,
	record      BLOB NOT NULL,
	PRIMARY KEY (transfer_id, seq)
) WITHOUT ROWID;
CREATE TABLE uniques (
	name        TEXT NOT NULL PRIMARY KEY,
	transfer_id TEXT NOT NULL,
	taken_at    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX uniques_by_age ON uniques (taken_at);
CREATE TABLE active (
	route       TEXT NOT NULL,
	id          TEXT NOT NULL,
	transfer_id TEXT NOT NULL,
	PRIMARY KEY (route, id)
) WITHOUT ROWID;
CREATE TABLE tasks (
	arn     TEXT NOT NULL PRIMARY KEY,
	route   TEXT NOT NULL,
	token   INTEGER NOT NULL,
	version INTEGER NOT NULL,
	record  BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE agents (
	arn     TEXT NOT NULL PRIMARY KEY,
	online  INTEGER NOT NULL,
	slots   INTEGER NOT NULL,
	busy    INTEGER NOT NULL DEFAULT 0,
	version INTEGER NOT NULL,
	record  BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE settings (
	route   TEXT NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	record  BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE outbox (
	id     TEXT NOT NULL PRIMARY KEY,
	due    INTEGER NOT NULL,
	record BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due);
CREATE TABLE counts (
	route   TEXT NOT NULL,
	state   TEXT NOT NULL,
	waiting TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (route, state, waiting)
) WITHOUT ROWID;
`, `
ALTER TABLE agents ADD COLUMN day TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN day_transfers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN day_bytes INTEGER NOT NULL DEFAULT 0;
`, `
ALTER TABLE outbox ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN failing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_by_target ON outbox (target, due, created, failing) WHERE target <> '';
`, auditMigration, searchStep()}
}
