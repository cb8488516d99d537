"""Bucket notifications: `events` is what happens, `rules` who wants to know of it, `message` how it
is told, `notifier` writes it into the durable queue, `delivery` and `webhook` pass it on."""
