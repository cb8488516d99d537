"""Object events and bucket notifications.

`events` has the event types, `rules` the subscriptions, `message` the format, `notifier` writes to
the durable queue, `delivery` and `webhook` send from it. `log_target` says where a bucket's access
log goes.
"""
