"""Jobs in the native API: starting, watching and stopping them."""
