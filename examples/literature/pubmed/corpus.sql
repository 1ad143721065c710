-- A corpus: its papers, the index of their words, and how far each query is synced.
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS papers (
    pmid     INTEGER PRIMARY KEY,
    version  INTEGER NOT NULL,
    title    TEXT NOT NULL,
    abstract TEXT NOT NULL,
    authors  TEXT NOT NULL, -- a JSON list
    journal  TEXT NOT NULL,
    year     INTEGER,
    terms    TEXT NOT NULL  -- a JSON list
);

CREATE TABLE IF NOT EXISTS checkpoints (
    query     TEXT PRIMARY KEY,
    synced_to TEXT NOT NULL,
    moved_at  TEXT NOT NULL
);

-- The text is in `papers` alone; the index is kept by triggers.
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    title, abstract, terms,
    content = 'papers', content_rowid = 'pmid', tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER IF NOT EXISTS paper_added AFTER INSERT ON papers BEGIN
    INSERT INTO words (rowid, title, abstract, terms)
    VALUES (new.pmid, new.title, new.abstract, new.terms);
END;

CREATE TRIGGER IF NOT EXISTS paper_deleted AFTER DELETE ON papers BEGIN
    INSERT INTO words (words, rowid, title, abstract, terms)
    VALUES ('delete', old.pmid, old.title, old.abstract, old.terms);
END;

CREATE TRIGGER IF NOT EXISTS paper_replaced AFTER UPDATE ON papers BEGIN
    INSERT INTO words (words, rowid, title, abstract, terms)
    VALUES ('delete', old.pmid, old.title, old.abstract, old.terms);
    INSERT INTO words (rowid, title, abstract, terms)
    VALUES (new.pmid, new.title, new.abstract, new.terms);
END;

PRAGMA user_version = 1;

COMMIT;
