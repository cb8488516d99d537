"""Object events and bucket notifications.

`events` has the event types, `rules` the subscriptions, `message` the format, `notifier` writes to
the durable queue, `delivery` and `webhook` send from it. `log_target` has the destination of a
bucket's access log.
"""
