-- That this database holds a newsroom which is being moved here, or has just been (`courant move`). The row goes when the newsroom
-- begins to work here.
CREATE TABLE moves (
    first_article BIGINT NOT NULL,               -- its number, 0 without articles: no other newsroom has it
    claimed_by    TEXT   NOT NULL,               -- the run that writes
    complete      BIGINT NOT NULL                -- 1: everything is here
);
