"""Jobs in the native API: asking for them, watching and stopping them."""
