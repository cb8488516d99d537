"""Static websites: buckets answered as pages on hosts of their own."""
