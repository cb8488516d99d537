"""Access logs that buckets ask for: `target` is where they go, `record` one line, `recorder` what
gathers lines in each worker, `delivery` what makes objects of them."""
