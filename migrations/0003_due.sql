-- Many requests may wait at once: the next that are due are found without looking at all of them.
CREATE INDEX intents_by_due ON intents (due_at);
