-- Leases that have ended are found without looking at all subscriptions.
CREATE INDEX subscriptions_by_lease ON subscriptions (lease_until);
