"""Other people's clients against a real server process, and the benchmark. Never packaged."""
