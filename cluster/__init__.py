"""Which target holds what, and the jobs that tend it; knows nothing of HTTP frameworks or XML."""
