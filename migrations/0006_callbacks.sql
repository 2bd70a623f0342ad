-- A renewal has a callback of its own (WebSub section 5.1.1); pushes come to the one before until its lease ends.
ALTER TABLE upstreams ADD COLUMN old_key TEXT;
