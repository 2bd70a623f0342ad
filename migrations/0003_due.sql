-- What is due among many is found without looking at all of them: requests that wait, and subscriptions that rest after long
-- failing until something new is published.
CREATE INDEX intents_by_due ON intents (due_at);
CREATE INDEX subscriptions_resting ON subscriptions (feed, format) WHERE due_at >= lease_until;
